"""Folders as others lay them out, labels as others write them."""

import json
import logging

import pandas
import pytest
from datasets import ClassLabel, Dataset, Features, Value

from sentiment.data import SentimentData
from sentiment.data.readers import Columns
from sentiment.data.sources import Source
from sentiment.data.tables import TableOptions
from sentiment.errors import ConfigError, DataError
from tests.conftest import write_csv

ROWS = [(f"text {i}", "ab"[i % 2]) for i in range(8)]


def data(tmp_path, **keys):
    return SentimentData(backbone="none", cache_dir=tmp_path / "cache", **keys)


def warnings(caplog):
    return " | ".join(record.message for record in caplog.records if record.levelno >= logging.WARNING)


@pytest.fixture
def tweeteval(tmp_path):
    for split, rows in {"train": [("good \u2028 one", "2"), ("", "1"), ("bad", "0")], "val": [("x", "2")]}.items():
        (tmp_path / f"{split}_text.txt").write_text("".join(f"{text}\n" for text, _ in rows), encoding="utf-8")
        (tmp_path / f"{split}_labels.txt").write_text("".join(f"{label}\n" for _, label in rows), encoding="utf-8")
    (tmp_path / "test_text.txt").write_text("hidden\n")
    (tmp_path / "mapping.txt").write_text("0\tnegative\n1\tneutral\n2\tpositive\n")
    return tmp_path


def test_the_layout_of_tweeteval_is_read(tweeteval, caplog):
    splits = Source(dir=tweeteval).read(Columns())
    assert list(splits) == ["train", "validation"]
    assert splits["train"].texts == ["good \u2028 one", "", "bad"]
    assert splits["train"].labels == ["positive", "neutral", "negative"]
    assert "test_text.txt has no labels; the test split is left out" in warnings(caplog)
    named = Source(train=tweeteval / "train_text.txt").read(Columns())
    assert named["train"] == splits["train"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train_labels.txt", "2\n0\n", "train_text.txt has 3 lines, train_labels.txt 2; each text needs one label"),
        ("train_labels.txt", "2\n0\n3\n", "has the label '3', which mapping.txt does not name: 0, 1, 2"),
        ("mapping.txt", "0\tnegative\n0\tneutral\n", "mapping.txt, line 2: the number 0 has a name already"),
        ("mapping.txt", "negative\n", "mapping.txt, line 1: expected a number and a name, got 'negative'"),
    ],
)
def test_files_of_tweeteval_that_do_not_fit_are_refused(tweeteval, name, content, message):
    (tweeteval / name).write_text(content)
    with pytest.raises(DataError, match=message):
        Source(dir=tweeteval).read(Columns())


def test_a_hidden_test_split_of_a_folder_is_let_be(tmp_path, caplog):
    for name in ("train.tsv", "DEV.TSV"):
        (tmp_path / name).write_text("sentence\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in ROWS))
    (tmp_path / "test.tsv").write_text("index\tsentence\n0\ta\n")
    assert list(data(tmp_path, dir=tmp_path).read()) == ["train", "validation"]
    assert "test.tsv has no labels; the test split is left out" in warnings(caplog)
    with pytest.raises(DataError, match=r"test.tsv has no column 'label', only 'index', 'sentence'"):
        data(tmp_path, dir=tmp_path, test=tmp_path / "test.tsv").read()


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_an_empty_label_column_is_said(tmp_path, split):
    files = {"train": write_csv(tmp_path / "train.csv", ROWS)}
    files[split] = write_csv(tmp_path / f"{split}.csv", [("a", ""), ("b", " ")])
    told = rf"no row of the {split} split, .*{split}.csv, has a label; fill the column, or name another with data.label"
    with pytest.raises(DataError, match=told):
        data(tmp_path, **files).read()
    if split != "test":
        with pytest.raises(DataError, match=told):
            data(tmp_path, dir=tmp_path).read()


def test_a_test_split_of_a_folder_with_an_empty_label_column_is_hidden(tmp_path, caplog):
    write_csv(tmp_path / "train.csv", ROWS)
    write_csv(tmp_path / "test.csv", [("a", ""), ("b", "")])
    assert list(data(tmp_path, dir=tmp_path).read()) == ["train", "validation"]
    assert "the test split has no labels; it is left out" in warnings(caplog)


def test_a_column_that_no_text_of_train_has_is_said(tmp_path, caplog):
    rows = [(f"text {i}", i % 2, 1 - i % 2, 0) for i in range(8)]
    train = write_csv(tmp_path / "train.csv", rows, ("text", "joy", "fear", "rage"))
    module = data(tmp_path, train=train, multi_label=True, label_columns=["joy", "fear", "rage"])
    module.read()
    assert module.labels == ["joy", "fear"]
    assert "no train row has the label rage, so the model will not have it" in warnings(caplog)


def test_columns_of_labels_keep_their_order_under_new_names_too(tmp_path, caplog):
    rows = [(f"text {i}", i % 2, 1 - i % 2, int(i < 3)) for i in range(8)]
    names = ["joy", "fear", "anger"]
    train = write_csv(tmp_path / "train.csv", rows, ("text", *names))
    module = data(tmp_path, train=train, multi_label=True, label_columns=names, label_map={"fear": "angst"})
    splits = module.read()
    assert module.labels == ["joy", "angst", "anger"]
    first = splits["train"].texts.index("text 1")
    assert splits["train"].labels[first] == ("joy", "anger")
    assert "no train row" not in str(warnings(caplog))


def test_a_split_whose_texts_have_none_of_several_labels_is_kept(tmp_path):
    write_csv(tmp_path / "train.csv", [(text, f"{label}|x") for text, label in ROWS])
    write_csv(tmp_path / "test.csv", [("a", ""), ("b", "")])
    splits = data(tmp_path, dir=tmp_path, multi_label=True, label_separator="|").read()
    assert splits["test"].labels == [(), ()]


def test_a_test_split_of_the_label_minus_one_is_hidden(tmp_path, caplog):
    write_csv(tmp_path / "train.csv", ROWS)
    write_csv(tmp_path / "test.csv", [("a", "-1"), ("b", "-1")])
    assert list(data(tmp_path, dir=tmp_path).read()) == ["train", "validation"]
    assert "the test split has no labels but -1" in warnings(caplog)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_header_alone_is_said(tmp_path, split):
    files = {"train": write_csv(tmp_path / "a.csv", ROWS), split: write_csv(tmp_path / "b.csv", [])}
    with pytest.raises(DataError, match=rf"the {split} split, .*b.csv, has no rows; add some, or leave it out"):
        data(tmp_path, **files).read()


def test_names_of_labels_in_a_local_parquet_file_are_kept(tmp_path):
    features = Features({"sentence": Value("string"), "label": ClassLabel(names=["neg", "pos"])})
    rows = Dataset.from_dict({"sentence": ["a", "b", "c"], "label": [1, 0, -1]}, features=features)
    rows.to_parquet(tmp_path / "train.parquet")
    split = Source(train=tmp_path / "train.parquet").read(Columns())["train"]
    assert split.labels == ["pos", "neg", None]


def test_sentiment140_is_read_with_the_keys_for_it(tmp_path):
    rows = [("04"[i % 2], str(i), "Mon Apr 06", "NO_QUERY", "u", f"café {i}") for i in range(8)]
    content = "".join(",".join(f'"{value}"' for value in row) + "\n" for row in rows)
    (tmp_path / "a.csv").write_bytes(content.encode("latin-1"))
    keys = {"columns": ["label", "id", "date", "query", "user", "text"], "encoding": "latin-1"}
    splits = data(tmp_path, train=tmp_path / "a.csv", label_map={0: "negative", 4: "positive"}, **keys).read()
    assert set(splits["train"].labels) == {"negative", "positive"}
    assert sorted(splits["train"].texts + splits["validation"].texts) == [f"café {i}" for i in range(8)]
    with pytest.raises(
        DataError, match=r"column '0' twice; rename one, or name columns=\[...\] where the file has no header"
    ):
        data(tmp_path, train=tmp_path / "a.csv").read()
    with pytest.raises(ConfigError, match="data.label_map renames '5', which no row has; there are 0, 4"):
        data(tmp_path, train=tmp_path / "a.csv", label_map={5: "x"}, **keys).read()


def test_numbers_as_labels_are_the_same_in_every_format(tmp_path):
    """A missing value makes floats of them in JSON and Parquet; CSV has them as texts."""
    write_csv(tmp_path / "train.csv", [(f"text {i}", str(i % 2)) for i in range(8)])
    pandas.DataFrame({"text": ["a", "b"], "label": [1.0, 0.0]}).to_parquet(tmp_path / "validation.parquet")
    (tmp_path / "test.jsonl").write_text('{"text": "a", "label": 1}\n{"text": "b", "label": NaN}\n')
    module = data(tmp_path, dir=tmp_path, skip_bad_rows=True)
    splits = module.read()
    assert module.labels == ["0", "1"]
    assert (splits["validation"].labels, splits["test"].labels) == (["1", "0"], ["1"])
    assert data(tmp_path, test=tmp_path / "test.jsonl", skip_bad_rows=True).read(["0.0", "1.0"])["test"].labels == [
        "1.0"
    ]


def test_booleans_are_the_same_in_every_format(tmp_path):
    write_csv(tmp_path / "train.csv", [(f"text {i}", str(i % 2 == 0)) for i in range(8)])
    (tmp_path / "test.jsonl").write_text('{"text": "a", "label": true}\n')
    assert data(tmp_path, dir=tmp_path).read()["test"].labels == ["True"]


def test_missing_labels_are_no_class(tmp_path):
    rows = [{"text": f"text {i}", "label": [None, float("nan"), "a", "b", ""][i % 5]} for i in range(10)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(DataError, match=r"6 of 10 train rows are unusable \(first: row 1, the label is missing\)"):
        data(tmp_path, train=tmp_path / "a.jsonl").read()


def test_several_labels_of_a_text_are_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a", "labels": [1]}\n')
    with pytest.raises(DataError, match=r"a.jsonl, row 1: column 'labels' holds a list .*task=multi"):
        data(tmp_path, train=tmp_path / "a.jsonl").read()


def test_labels_that_differ_in_case_alone_are_warned_of(tmp_path, caplog):
    rows = [(f"text {i}", ["Good", "good", "bad ", "bad"][i % 4]) for i in range(16)]
    data(tmp_path, train=write_csv(tmp_path / "a.csv", rows)).read()
    assert (
        warnings(caplog)
        == "the labels 'Good' and 'good' differ in case, spaces or invisible signs alone; data.label_map makes them one"
    )


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["caf\u00e9", "cafe\u0301"], r"the labels 'cafe\u0301' and 'caf\xe9' differ in case, spaces or invisible"),
        (["pos", "pos\u200b"], r"the labels 'pos' and 'pos\u200b' differ in case, spaces or invisible signs alone"),
        (["good", "NaN"], "the label 'NaN' is how tables write a missing value; empty such cells to leave those rows"),
    ],
)
def test_labels_that_are_hardly_meant_are_warned_of(tmp_path, caplog, labels, told):
    rows = [(f"text {i}", labels[i % 2]) for i in range(16)]
    data(tmp_path, train=write_csv(tmp_path / "a.csv", rows)).read()
    assert told in warnings(caplog)


def test_a_class_that_validation_lacks_is_warned_of(tmp_path, caplog):
    train, held = write_csv(tmp_path / "a.csv", ROWS), write_csv(tmp_path / "b.csv", [("x", "a")])
    data(tmp_path, train=train, validation=held).read()
    assert "the validation split has no row with the label b, which train has" in warnings(caplog)
    caplog.clear()
    data(tmp_path, test=held).read(labels=["a", "b"])
    assert "the test split has no row with the label b, which the model has; in averages over" in warnings(caplog)


def test_texts_that_are_numbers_are_refused(tmp_path):
    rows = [(str(i), "ab"[i % 2]) for i in range(8)]
    with pytest.raises(DataError, match="every text of the train split is a number, such as '0'; set data.text_column"):
        data(tmp_path, train=write_csv(tmp_path / "a.csv", rows)).read()


def test_a_column_that_nobody_asked_for_never_stops_the_read(tmp_path):
    lines = [{"reviewText": f"text {i}", "overall": float(i % 2), "price": i} for i in range(4000)]
    lines += [{"reviewText": "last", "overall": 1.0, "price": "$5", "style": {"Size:": "M", "new": [{}]}}]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    split = Source(train=tmp_path / "a.jsonl").read(Columns("reviewText", "overall"))["train"]
    assert (len(split), split.labels[-1], split.texts[-1]) == (4001, "1", "last")


def test_an_option_that_no_file_takes_is_refused(tmp_path):
    pandas.DataFrame(ROWS, columns=["text", "label"]).to_parquet(tmp_path / "train.parquet")
    with pytest.raises(DataError, match="data.separator says nothing about this data"):
        data(tmp_path, dir=tmp_path, separator=";").read()
    write_csv(tmp_path / "test.csv", ROWS)
    source = Source(dir=tmp_path, options=TableOptions(separator=","))
    assert list(source.read(Columns())) == ["train", "test"]


def test_a_bad_option_is_refused_before_any_data(tmp_path):
    with pytest.raises(ConfigError, match="data.separator=;;: expected one character"):
        data(tmp_path, train="none.csv", separator=";;")
    with pytest.raises(ConfigError, match="data.labels.*'positive'.*"):
        data(tmp_path, train="none.csv", labels=["positive", "negative", "positive"]).read()
