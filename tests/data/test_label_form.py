"""Several labels of a text: lists, separated strings and a column for each, read alike in every format."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, Sequence, Value

from sentiment.data.label_form import LabelForm
from sentiment.data.label_sets import label_names, rename_labels, unify_labels
from sentiment.data.labelled import Labelled, several
from sentiment.data.quality import label_counts
from sentiment.data.readers import Columns, read_dataset
from sentiment.data.sources import Source
from sentiment.data.splits import Split, check_rows, split_stratified
from sentiment.errors import ConfigError, DataError
from tests.conftest import write_csv

LISTS, BARS = LabelForm(True), LabelForm(True, "|")
FLAGS = LabelForm(True, None, ("joy", "fear"))
EXPECTED = [("joy",), ("fear", "joy"), ()]


def read(path, form=LISTS, **columns):
    found = Source(train=path).read(Columns(label=columns.get("label"), form=form))["train"]
    return [None if labels is None else tuple(sorted(labels)) for labels in found.labels]


def test_each_form_in_each_format(tmp_path):
    texts = ["a day", "a night", "an hour"]
    lists = [["joy"], ["joy", "fear"], []]
    rows = [{"text": text, "labels": own} for text, own in zip(texts, lists, strict=True)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(pa.table({"text": texts, "labels": lists}), tmp_path / "a.parquet")
    write_csv(tmp_path / "bars.csv", list(zip(texts, ["joy", "joy | fear", ""], strict=True)))
    write_csv(tmp_path / "text.csv", list(zip(texts, ["['joy']", '["joy", "fear"]', "[]"], strict=True)))
    flags = [(text, str(int("joy" in own)), "fear" in own) for text, own in zip(texts, lists, strict=True)]
    write_csv(tmp_path / "flags.csv", flags, header=("text", "joy", "fear"))
    assert read(tmp_path / "a.jsonl") == read(tmp_path / "a.parquet") == EXPECTED
    assert read(tmp_path / "bars.csv", BARS) == EXPECTED
    assert read(tmp_path / "text.csv") == EXPECTED
    assert read(tmp_path / "flags.csv", FLAGS) == EXPECTED


def test_lists_of_class_labels_have_their_names_from_the_hub_and_from_its_parquet(tmp_path):
    features = Features({"text": Value("string"), "labels": Sequence(ClassLabel(names=["joy", "fear"]))})
    rows = Dataset.from_dict({"text": ["a day", "a night"], "labels": [[0], [0, 1]]}, features=features)
    assert read_dataset(rows, "it", Columns(form=LISTS)).labels == [("joy",), ("joy", "fear")]
    rows.to_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == EXPECTED[:2]


@pytest.mark.parametrize(
    ("form", "cell", "message"),
    [
        (LISTS, "joy|fear", r"holds 'joy\|fear'; set data.label_separator='\|' if that is several labels"),
        (LISTS, "joy, fear", r"set data.label_separator=','"),
        (LISTS, ["joy", None], "holds an empty label"),
        (LISTS, {"joy": 1}, "no label; set label_column"),
        (LISTS, ["joy", ["fear"]], r"column 'labels' holds .'joy', .'fear'.., a list in a list; write one list"),
        (FLAGS, {"joy": "1", "fear": "0.7"}, "column 'fear' holds '0.7'; a column for each label holds 0 or 1"),
        (LabelForm(), "pos\nneg", r"column 'labels' holds 'pos\\nneg', a label of several lines; give it one line"),
        (LabelForm(), ["joy"], "several labels of one text; set task=multi, or give each text one label"),
    ],
)
def test_what_is_no_label_is_refused(form, cell, message):
    with pytest.raises(DataError, match=message):
        form.read(cell, "labels")


def test_a_missing_cell_is_not_the_same_as_no_label():
    assert [BARS.read(cell, "labels") for cell in (None, float("nan"), "", [])] == [None, None, (), ()]
    assert FLAGS.read({"joy": 1, "fear": None}, "labels") is None
    assert FLAGS.read({"joy": 0.0, "fear": False}, "labels") == ()
    assert FLAGS.read({"joy": "1.0", "fear": "No"}, "labels") == ("joy",)  # pandas writes 1.0 where a cell is empty
    assert LISTS.read([2, 17, 2], "labels") == ("2", "17")
    for text in ("('joy', 'fear')", "['joy', 'fear']", "[joy fear]"):
        assert LISTS.read(text, "labels") == ("joy", "fear")
    assert set(LISTS.read("{'joy', 'fear'}", "labels")) == {"joy", "fear"}
    assert [LISTS.read(text, "labels") for text in ("set()", "()", "('joy',)", "(joy)")] == [
        (),
        (),
        ("joy",),
        ("(joy)",),
    ]
    with pytest.raises(DataError, match="first: row 2, the label is missing"):
        check_rows("train", Labelled(["a", "b", "c"], [("joy",), None, ()]), skip_bad_rows=False)
    assert check_rows("train", Labelled(["a", "c"], [("joy",), ()]), skip_bad_rows=False).labels == [("joy",), ()]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((False, "|", None, None), "data.label_separator=|: each text has one label here; leave it out"),
        ((True, "|", ["a", "b"], None), "data.label_separator and data.label_columns name two places"),
        ((True, None, ["a", "b"], "label"), "data.label_column and data.label_columns name two places"),
        ((True, None, ["a"], None), "expected two columns or more"),
        ((True, "x", None, None), "data.label_separator='x': expected signs"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(given, message):
    with pytest.raises(ConfigError) as told:
        LabelForm.of(*given)
    assert message in str(told.value)


def test_labels_are_renamed_ordered_and_held_to_the_label_set():
    raw = {"train": several(Labelled(["a", "b", "c"], [("b", "a"), "a", ("c",)]))}
    splits = {"train": check_rows("train", rename_labels(raw, {"c": "a"})["train"], skip_bad_rows=False)}
    assert label_names(splits, None) == ["a", "b"]
    assert unify_labels(splits, ["a", "b"], given=False)["train"].labels == [("a", "b"), ("a",), ("a",)]
    with pytest.raises(DataError, match="train row 1 has the label 'b', unknown to the label set: a, c"):
        unify_labels(splits, ["a", "c"], given=True)
    with pytest.raises(ConfigError, match=r"the label 'a\|b' holds \|"):
        label_names({"train": Split(["x", "y"], [("a|b",), ("c",)])}, None)


def test_the_validation_split_has_a_share_of_each_label_however_rare():
    labels = [("joy",)] * 40 + [("joy", "rare")] * 4 + [("fear", "joy")] * 20 + [()] * 20
    train, validation = split_stratified(Split([f"text {i}" for i in range(84)], labels), 0.25, 0)
    assert label_counts(validation) == {"(none)": 5, "fear": 5, "joy": 16, "rare": 1}
    assert len(train) + len(validation) == 84
    assert not set(train.texts) & set(validation.texts)


def test_a_split_is_told_from_another_by_its_labels():
    texts = ["a", "b"]
    prints = {Split(texts, own).fingerprint() for own in ([("x",), ("y",)], [("x", "y"), ()], ["x", "y"])}
    assert len(prints) == 3
