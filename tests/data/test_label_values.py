"""Labels that are numbers have one name and one meaning, whatever file format they come from."""

import json
from functools import partial

import pandas
import pytest

from sentiment.data import SentimentData
from sentiment.data.label_values import finder, plain_name
from sentiment.errors import DataError
from sentiment.serving.rollout.deploy import with_labels_of
from sentiment.serving.rollout.golden import read_golden
from sentiment.training.heads import row_order
from sentiment.training.tasks import Scale
from tests.conftest import write_csv


@pytest.fixture
def write(tmp_path):
    """Write labels as a table of each format, which is named by its ending."""

    def write(kind, labels):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.{kind}"
        table = pandas.DataFrame({"text": [f"text {i}" for i in range(len(labels))], "label": labels})
        if kind == "csv":
            table.to_csv(path, index=False)
        elif kind == "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in table.to_dict("records")))
        else:
            table.to_excel(path, index=False) if kind == "xlsx" else table.to_parquet(path)
        return path

    return write


def data(tmp_path, **keys):
    return SentimentData(backbone="none", cache_dir=tmp_path / "cache", **keys)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "xlsx", "parquet"])
@pytest.mark.parametrize(
    ("labels", "names"),
    [([1.0, 2.0], ["1", "2"]), ([-1.0, -0.0], ["-1", "0"]), ([1.0, 1.5, 10.0], ["1", "1.5", "10"])],
)
def test_numbers_are_named_alike_in_every_format(tmp_path, write, kind, labels, names):
    module = data(tmp_path, train=write(kind, labels * 6))
    module.order = Scale().order
    kept = module.read()
    assert module.labels == names
    assert {label for split in kept.values() for label in split.labels} == set(names)


def test_what_is_no_plain_decimal_number_keeps_its_name():
    same = ["1", "007", "+1", "1.5", "2024.01.31", "1.0 star", "1,0", "1e3", ".", "v1.0", "nan", "true", "1_0"]
    assert [plain_name(name) for name in same] == same
    written = {"1.0": "1", "1.": "1", "1.50": "1.5", "+1.00": "+1", "-0.0": "0", "10.0": "10", "100.00": "100"}
    assert {name: plain_name(name) for name in written} == written
    assert [finder(["1_0", "10", "nan"])(name) for name in ("10.0", "1_0", "nan", "inf")] == ["10", "1_0", "nan", None]


def test_labels_and_map_of_the_config_have_the_names_of_the_data(tmp_path, write):
    train = write("csv", [1.0, 2.0] * 6)
    for labels in ([2.0, 1.0], ["2.0", "1"], [2, 1]):
        module = data(tmp_path, train=train, labels=labels)
        module.read()
        assert module.labels == ["2", "1"]
    module = data(tmp_path, train=train, label_map={1: "3.0"})
    module.read()
    assert module.labels == ["2", "3"]


def test_columns_of_labels_named_by_numbers_keep_their_order(tmp_path):
    rows = [(f"text {i}", i % 2, 1, 0) for i in range(12)]
    table = write_csv(tmp_path / "m.csv", rows, header=("text", "10.0", "9.0", "8.0"))
    module = data(tmp_path, train=table, multi_label=True, label_columns=["10.0", "9.0", "8.0"])
    module.read()
    assert module.labels == ["10", "9"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "xlsx"])
@pytest.mark.parametrize("model", [["1", "2"], ["1.0", "2.0"]])
def test_labels_of_a_model_are_met_by_value(tmp_path, write, kind, model):
    """A model that was trained from a CSV file before may name its labels 1.0 and 2.0."""
    table = write(kind, [2.0, 1.0, 2.0])
    assert data(tmp_path, test=table).read(model)["test"].labels == [model[1], model[0], model[1]]
    golden = with_labels_of(model, read_golden(table, tmp_path, most=9))
    assert golden.labels == [model[1], model[0], model[1]]
    with pytest.raises(DataError, match=f"has the label '2(.0)?', the model knows {model[0]}, 3; correct it there"):
        with_labels_of([model[0], "3"], read_golden(table, tmp_path, most=9))


def test_a_teacher_or_a_head_with_such_names_is_the_same():
    order = partial(row_order, ["1.0", "2.0"])
    assert (order(["2", "1"]), order(["1", "3"])) == ([1, 0], None)
