"""`sentiment review` on a run whose training data has known wrong labels."""

import csv
import re

import numpy as np
import pytest

from sentiment.cli import main
from sentiment.data.splits import Split
from sentiment.errors import ConfigError, InterruptedRunError
from sentiment.review import heads
from sentiment.review.command import label_indices, review, write
from tests.conftest import read_json, write_csv

WRONG = (3, 10, 17, 30, 44, 61)  # rows of train, from 0
LABELS = {"bad": "negative", "good": "positive"}
ROWS = 96


@pytest.fixture(scope="module")
def mislabelled(train_tiny, corpus, tmp_path_factory):
    """A run whose data was changed after it was trained: of 96 texts that say their label, six have another one."""
    folder = tmp_path_factory.mktemp("mislabelled")
    words = [("bad", "good")[i % 2] for i in range(ROWS)]
    rows = [
        (f"{word} {word} {word} {word} {'film' if i % 3 else 'meal'}", LABELS[word]) for i, word in enumerate(words)
    ]
    for split in ("validation", "test"):
        write_csv(folder / f"{split}.csv", rows[:16])
    write_csv(folder / "train.csv", rows)
    run = train_tiny("mislabelled", f"data.dir={folder}")
    changed = [(text, LABELS[("good", "bad")[i % 2]] if i in WRONG else label) for i, (text, label) in enumerate(rows)]
    write_csv(folder / "train.csv", changed)
    return run


def table(folder):
    with (folder / "suspects.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_wrong_labels_are_found_and_a_changed_file_is_said(mislabelled, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["review", f"run={mislabelled}", "folds=4"])
    told = capsys.readouterr()
    assert "have changed since this run was trained on them" in told.err
    said = r"^\d+ suspects among 96 train rows, the likeliest first; .*, so the first [1-9] are"
    assert re.search(said, told.out, re.M)
    assert told.out.endswith("(summary.json; the tab Label of sentiment ui walks through it)\n")
    rows = table(tmp_path / "outputs" / "review" / "mislabelled")
    found = {int(row["row"]) - 1 for row in rows}
    assert set(WRONG) <= found  # recall 1
    assert len(found) <= len(WRONG) + 3
    assert {int(row["row"]) - 1 for row in rows[: len(WRONG)]} == set(WRONG)  # they come first
    for row in rows[: len(WRONG)]:
        assert row["suggested"] == ("positive" if row["text"].startswith("good") else "negative") != row["label"]
    summary = read_json(tmp_path / "outputs" / "review" / "mislabelled" / "summary.json")
    low, high = summary["noise"]["interval"]
    assert low <= len(WRONG) / ROWS <= high
    assert sum(sum(line.values()) for line in summary["confident_joint"]["given"].values()) == pytest.approx(1)
    left = [path.name for path in (tmp_path / "outputs" / "review" / "mislabelled").iterdir()]
    assert sorted(left) == ["summary.json", "suspects.csv"]


def test_clean_labels_give_few_suspects(tiny_run, tmp_path, capsys):
    review(run=tiny_run, output=tmp_path / "out")
    assert len(table(tmp_path / "out")) <= 3
    assert "have changed" not in capsys.readouterr().err


def test_the_runs_own_model_answers_for_splits_it_has_not_trained_on(tiny_run, tmp_path, capsys):
    review(run=tiny_run, split="test", output=tmp_path / "out")
    summary = read_json(tmp_path / "out" / "summary.json")
    assert (summary["method"], summary["rows"], summary["accuracy"]) == ("model", 16, 1.0)
    told = capsys.readouterr().out
    assert re.search(r"^no suspects among 16 test rows; about 0.0% .*\(95 % interval 0.0% to 36.9%\)$", told, re.M)
    assert told.endswith("(summary.json)\n")


def test_no_more_rows_are_worth_reading_than_are_suspects(tmp_path, capsys):
    """The share of wrong labels is estimated by itself, and may be that of more rows than are suspected."""
    generator = np.random.default_rng(4)
    given, first = generator.integers(0, 2, 60), generator.uniform(0, 1, 60)
    rows = Split([f"text {i}" for i in range(60)], [str(label) for label in given])
    write(tmp_path, rows, ["0", "1"], given, np.stack([first, 1 - first], 1), {"split": "train"})
    assert read_json(tmp_path / "summary.json")["noise"]["share"] * 60 == pytest.approx(29.2)
    assert len(table(tmp_path)) == 27
    assert "so the first 27 are worth reading" in capsys.readouterr().out


def test_a_review_of_another_split_takes_no_method(tiny_run, tmp_path):
    with pytest.raises(ConfigError, match=r"method=heads is for split=train; the run's own model answers for test"):
        review(run=tiny_run, split="test", method="heads", output=tmp_path / "out")


def test_a_stopped_review_reads_no_text_twice(mislabelled, tmp_path, monkeypatch):
    monkeypatch.setattr(heads, "CHUNK", 24)
    read, texts = heads.read, []

    def stopping(encoder, data, some):
        if len(texts) == 2:
            texts.append(None)
            raise KeyboardInterrupt
        texts.append(some)
        return read(encoder, data, some)

    monkeypatch.setattr(heads, "read", stopping)
    with pytest.raises(InterruptedRunError, match="stopped; the same command goes on from here"):
        review(run=mislabelled, output=tmp_path / "out")
    review(run=mislabelled, output=tmp_path / "out")
    assert [len(some or ()) for some in texts] == [24, 24, 0, 24, 24]
    assert set(WRONG) <= {int(row["row"]) - 1 for row in table(tmp_path / "out")}


@pytest.mark.slow
def test_refit_trains_the_run_once_for_each_fold(mislabelled, tmp_path, capsys):
    review(run=mislabelled, method="refit", folds=2, output=tmp_path / "out")
    found = {int(row["row"]) - 1 for row in table(tmp_path / "out")}
    assert set(WRONG) <= found
    assert len(found) <= len(WRONG) + 3
    assert not (tmp_path / "out" / "work").exists()


def test_several_labels_and_too_few_rows_are_one_line(tiny_run, tmp_path):
    with pytest.raises(ConfigError, match="the texts of this run have several labels each"):
        label_indices(Split(["a"], [("bad", "good")]), ["bad", "good"])
    with pytest.raises(ConfigError, match=r"folds=40: the label 'negative' has 32 rows; .* or set folds=32"):
        review(run=tiny_run, folds=40, output=tmp_path / "out")
