"""Several files of one split, of which the page's file of human labels has the last word."""

import json
import logging
from dataclasses import fields

import pytest

from sentiment.data.corrections import COLUMNS, is_feedback
from sentiment.data.module import SentimentData
from sentiment.errors import DataError
from sentiment.inference.types import Prediction
from sentiment.ui.feedback import Correction, Corrections
from tests.conftest import write_csv

MINE = [(f"text {i}", ("bad", "good")[i % 2]) for i in range(8)]


def feedback(path, *rows, labels=("bad", "good")):
    guess = Prediction(labels[0], 1.0, dict.fromkeys(labels, 0.5))
    for text, label in rows:
        Corrections(path).add(Correction.of(text, label, guess, "1.0"))
    return path


def data(tiny, tmp_path, train, **settings):
    return SentimentData(backbone=str(tiny), cache_dir=tmp_path / "cache", train=train, max_length=16, **settings)


def rows(module):
    splits = module.read()
    return {text: label for split in splits.values() for text, label in zip(split.texts, split.labels, strict=True)}


def test_a_correction_has_the_columns_by_which_its_file_is_known():
    assert is_feedback([field.name for field in fields(Correction)])
    assert set(COLUMNS) == {field.name for field in fields(Correction)} - {"aspect"}


def test_the_last_human_label_of_a_text_counts(tiny_backbone, tmp_path, caplog):
    mine = write_csv(tmp_path / "mine.csv", [*MINE, ("text 0", "bad")], header=("review", "stars"))
    human = feedback(tmp_path / "f.jsonl", ("text 0", "bad"), ("text 1", "bad"), ("new", "bad"), ("text 0", "good"))
    module = data(tiny_backbone, tmp_path, [mine, human], text_column="review", label_column="stars")
    with caplog.at_level(logging.INFO):
        found = rows(module)
    assert found == {**dict(MINE), "text 0": "good", "text 1": "bad", "new": "bad"}
    assert sum(map(len, module.read().values())) == 10  # both copies of text 0 stay, with the new label
    assert (
        f"train: 4 human labels of {human}; 1 texts are new, 3 rows of other files get another label, 0 have it "
        "already, 1 labels are replaced by a later one" in caplog.text
    )


def test_the_data_report_names_each_file(tiny_backbone, tmp_path):
    mine = write_csv(tmp_path / "mine.csv", MINE)
    human = feedback(tmp_path / "f.jsonl", ("text 1", "bad"), ("new", "good"))
    module = data(tiny_backbone, tmp_path, [mine, human])
    module.setup()
    files = module.report.to_json()["splits"]["train"]["files"]
    assert [(one["file"], one["rows"], one["relabelled"]) for one in files] == [(str(mine), 8, 1), (str(human), 1, 0)]
    assert module.report.to_json()["splits"]["validation"]["files"] == ()


def test_tables_that_no_page_has_written_are_joined_as_they_are(tiny_backbone, tmp_path):
    parts = [write_csv(tmp_path / f"{i}.csv", MINE[i::2]) for i in (0, 1)]
    assert rows(data(tiny_backbone, tmp_path, parts)) == dict(MINE)


def test_a_file_that_is_given_twice_is_refused(tiny_backbone, tmp_path):
    mine = write_csv(tmp_path / "mine.csv", MINE)
    (tmp_path / "link.csv").symlink_to(mine)
    for again in (mine, tmp_path / "link.csv", tmp_path / ".." / tmp_path.name / "mine.csv"):
        with pytest.raises(DataError, match=f"data.train names {again} twice, and its rows would count double"):
            data(tiny_backbone, tmp_path, [mine, again]).read()


@pytest.mark.parametrize("written", [("0.0", "1.0"), (0.0, 1.0), ("0", "1.")])
def test_labels_that_two_files_write_as_two_forms_of_a_number_are_one(tiny_backbone, tmp_path, written):
    files = [write_csv(tmp_path / "a.csv", [(f"text {i}", i % 2) for i in range(8)])]
    files.append(write_csv(tmp_path / "b.csv", [(f"more {i}", written[i % 2]) for i in range(8)]))
    module = data(tiny_backbone, tmp_path, files)
    assert set(rows(module).values()) == {"0", "1"}
    assert module.labels == ["0", "1"]


def test_a_label_that_no_other_file_has_is_one_line(tiny_backbone, tmp_path):
    mine = write_csv(tmp_path / "mine.csv", MINE)
    human = feedback(tmp_path / "f.jsonl", ("new", "good"), ("newer", "joy"), ("newest", "joy"), labels=("joy", "good"))
    with pytest.raises(DataError) as error:
        data(tiny_backbone, tmp_path, [mine, human]).read()
    assert str(error.value) == (
        f"{human}, row 2: the label 'joy' is in no other file of the train split; data.label_map={{joy: NAME}} renames "
        "it, data.labels=[...] with all labels adds it"
    )
    assert rows(data(tiny_backbone, tmp_path, [mine, human], label_map={"joy": "good"}))["newer"] == "good"
    assert rows(data(tiny_backbone, tmp_path, [mine, human], labels=["bad", "good", "joy"]))["newer"] == "joy"


def test_several_labels_of_a_text_are_read_from_both_forms(tiny_backbone, tmp_path):
    mine = write_csv(tmp_path / "mine.csv", [(f"text {i}", "bad|sad" if i % 2 else "sad") for i in range(8)])
    human = tmp_path / "f.jsonl"
    line = {"text": "text 1", "label": ["sad"], "predicted": "bad", "score": 0.5, "version": "", "time": "now"}
    human.write_text(json.dumps(line) + "\n")
    module = data(tiny_backbone, tmp_path, [mine, human], multi_label=True, label_separator="|")
    assert rows(module)["text 1"] == ("sad",)


def test_a_human_label_is_of_a_text_and_its_aspect(tiny_backbone, tmp_path):
    both = [("good screen, weak battery", "screen", "good"), ("good screen, weak battery", "battery", "good")] * 2
    mine = write_csv(
        tmp_path / "mine.csv", [*both, ("x", "y", "bad"), ("z", "y", "bad")], header=("text", "of", "label")
    )
    human = tmp_path / "f.jsonl"
    line = {"predicted": "good", "score": 0.5, "version": "", "time": "now", "label": "bad"}
    human.write_text(json.dumps({"text": both[0][0], "aspect": "battery", **line}) + "\n")
    splits = data(tiny_backbone, tmp_path, [mine, human], aspect_column="of").read()
    found = {
        (pair, label)
        for split in splits.values()
        for pair, label in zip(split.inputs, split.labels, strict=True)
        if len(pair.text) > 1
    }
    assert found == {((both[0][0], "screen"), "good"), ((both[0][0], "battery"), "bad")}
