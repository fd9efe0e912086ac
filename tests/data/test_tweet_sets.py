"""Data sets of tweets as they are published, read by the commands of the how-to page."""

import csv

import datasets
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from sentiment.cli import main
from sentiment.config.compose import compose
from tests.conftest import ROOT, read_csv
from tests.docs.blocks import blocks

LABELS = ["negative", "neutral", "positive"]
COMMANDS = [
    words[1:]
    for block in blocks(ROOT / "docs" / "pages" / "how-to" / "tweets.md")
    for words in block.commands
    if words[:2] == ["sentiment", "preprocess"]
]


def tweeteval(folder, labels):
    folder.mkdir(parents=True)
    for split in ("train", "val", "test"):
        (folder / f"{split}_text.txt").write_text(
            "".join(f"tweet {split} {i} 😡\n" for i in range(12)), encoding="utf-8"
        )
        (folder / f"{split}_labels.txt").write_text("".join(f"{i % len(labels)}\n" for i in range(12)))
    (folder / "mapping.txt").write_text("".join(f"{i}\t{label}\n" for i, label in enumerate(labels)))


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder with some rows of each data set, in the format that it is published in."""
    monkeypatch.chdir(tmp_path)
    tweeteval(tmp_path / "tweeteval" / "datasets" / "sentiment", LABELS)
    tweeteval(tmp_path / "tweeteval" / "datasets" / "emotion", ["anger", "joy", "optimism", "sadness"])
    with (tmp_path / "training.1600000.processed.noemoticon.csv").open("w", encoding="latin-1", newline="") as file:
        rows = [
            ("04"[i % 2], i, "Mon Apr 06", "NO_QUERY", "_me_", f"caf\u00e9 number {i}, &quot;so&quot;")
            for i in range(40)
        ]
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    with (tmp_path / "Tweets.csv").open("w", encoding="utf-8", newline="") as file:
        columns = ["tweet_id", "airline_sentiment", "airline_sentiment_confidence", "negativereason", "airline", "text"]
        rows = [(i, LABELS[i % 3], 1.0, "", "United", f"@united flight {i} 😂\nlate") for i in range(60)]
        csv.writer(file).writerows([columns, *rows])
    return tmp_path


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[-1])
def test_the_page_reads_each_set_as_published(published, words):
    main(words)
    into = published / words[-1].removeprefix("into=")
    splits = {path.stem: read_csv(path) for path in sorted(into.glob("*.csv"))}
    assert {"train", "validation"} <= splits.keys()
    texts = [row["text"] for rows in splits.values() for row in rows]
    labels = {row["label"] for rows in splits.values() for row in rows}
    match words[-1]:
        case "into=data/tweets":
            assert (labels, len(splits["test"])) == ({*LABELS}, 12)
            assert all(text.endswith(" 😡") for text in texts)
        case "into=data/emotion":
            assert labels == {"anger", "joy", "optimism", "sadness"}
        case "into=data/sentiment140":
            assert labels == {"negative", "positive"}
            assert sorted(texts)[0] == 'caf\u00e9 number 0, "so"'
        case "into=data/airlines":
            assert labels == {*LABELS}
            assert sorted(texts)[0] == "@user flight 0 😂 late"


def test_the_page_has_a_command_for_each_set():
    assert [words[-1] for words in COMMANDS] == [
        f"into=data/{name}" for name in ("tweets", "emotion", "sentiment140", "airlines")
    ]


def test_tweets_come_from_the_hub_with_the_names_of_their_classes(tmp_path, monkeypatch):
    features = Features({"text": Value("string"), "label": ClassLabel(names=LABELS)})
    rows = {"text": [f"tweet {i}" for i in range(9)], "label": [i % 3 for i in range(9)]}
    asked = []

    def load(name, config, *, revision):
        asked.append((name, config, revision))
        names = ("train", "validation", "test")
        return DatasetDict({name: Dataset.from_dict(rows, features=features) for name in names})

    monkeypatch.setattr(datasets, "load_dataset", load)
    cfg = compose("preprocess", ["data=tweets", f"into={tmp_path}/out"])
    assert list(cfg.data.labels) == LABELS
    main(["preprocess", "data=tweets", f"into={tmp_path}/out", f"paths.cache={tmp_path}/cache"])
    assert asked == [("cardiffnlp/tweet_eval", "sentiment", None)]
    assert [row["label"] for row in read_csv(tmp_path / "out" / "test.csv")] == LABELS * 3


def test_files_without_their_mapping_are_refused_with_the_key_that_names_the_classes(published, capsys):
    folder = published / "tweeteval" / "datasets" / "sentiment"
    (folder / "mapping.txt").unlink()
    with pytest.raises(SystemExit):
        main(["preprocess", "data=tweets", f"data.dir={folder}", "into=out"])
    assert "data.label_map={0: NAME} renames it" in capsys.readouterr().err
    main(
        ["preprocess", "data=tweets", f"data.dir={folder}", "into=out"]
        + ["data.label_map={0: negative, 1: neutral, 2: positive}"]
    )
    assert {row["label"] for row in read_csv(published / "out" / "train.csv")} == {*LABELS}
