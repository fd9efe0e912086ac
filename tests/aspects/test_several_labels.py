"""Several labels and an aspect in one model: training, files, requests, explanations, evaluation and the monitor."""

import pyarrow.parquet as pq
import pytest

from sentiment.cli import main
from sentiment.inference.pairs import Pair
from sentiment.inference.predictor import Predictor
from tests.conftest import read_csv, read_json, start_handler, write_csv
from tests.handling import ASKED, answers

TEXT = "the film and so on"
PAIRS = [Pair(TEXT, "screen"), Pair(TEXT, "battery")]
GIVEN = {"screen": "joy|surprise", "battery": "anger|joy"}


@pytest.fixture(scope="module")
def run(train_tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    for split, count in {"train": 72, "validation": 24, "test": 24}.items():
        rows = [
            (f"the {['film', 'meal', 'phone', 'trip'][i // 2 % 4]} " + "and so on " * (i // 8 % 3), aspect, labels)
            for i in range(count)
            for aspect, labels in [[*GIVEN.items()][i % 2]]
        ]
        write_csv(folder / f"{split}.csv", rows, header=("text", "target", "label"))
    named = ["task=multi", f"data.dir={folder}", "data.label_separator='|'", "data.aspect_column=target"]
    return train_tiny("several", *named, "after_training.convert.runtime=onnx", "trainer.max_epochs=24")


@pytest.mark.slow
def test_the_aspect_decides_the_labels_in_every_form(run, tmp_path):
    expected = Predictor.load(run).predict(PAIRS)
    assert [one.label for one in expected] == [*GIVEN.values()]
    tensors = [
        {"name": name, "shape": [2], "datatype": "BYTES", "data": [getattr(pair, name) for pair in PAIRS]}
        for name in ("text", "aspect")
    ]
    bodies = [
        {"texts": [TEXT] * 2, "aspects": [*GIVEN]},
        {"instances": [{"text": TEXT, "aspect": aspect} for aspect in GIVEN]},
        {"inputs": tensors},
        {"texts": [TEXT] * 2, "aspects": [*GIVEN], "threshold": {"joy": 0}},
        {"text": TEXT},
    ]
    handler = start_handler(run / "export", tmp_path)
    (_, plain), (_, v1), (_, v2), (_, joy), (status, refused) = answers(handler, *({"body": body} for body in bodies))
    for found in (plain, v1):
        assert [one["labels"] for one in found["predictions"]] == [list(one.labels) for one in expected]
        for one, other in zip(found["predictions"], expected, strict=True):
            assert one["probabilities"] == pytest.approx(other.probabilities, abs=1e-4)
    flags = [label in one.labels for one in expected for label in ("anger", "joy", "surprise")]
    assert v2["outputs"][0]["data"] == flags
    assert all("joy" in one["labels"] for one in joy["predictions"])
    assert status == 400
    assert refused["message"].startswith("this model reads each text with an aspect")
    asked = {"text": TEXT, "aspect": "screen", "target": "surprise"}
    [(_, explained)] = answers(handler, {"body": asked}, headers={0: ASKED})
    assert (explained["target"], explained["labels"]) == ("surprise", ["joy", "surprise"])


@pytest.mark.slow
def test_files_evaluation_and_the_monitor_read_both(run, tmp_path, capsys):
    table = write_csv(tmp_path / "in.csv", [(TEXT, aspect) for aspect in GIVEN] * 4, header=("text", "target"))
    main(["predict", f"run={run}", f"input={table}", f"output={tmp_path}/out.parquet", "aspect_column=target"])
    rows = pq.read_table(tmp_path / "out.parquet").to_pylist()
    expected = Predictor.load(run).predict(PAIRS)
    assert [row["prediction"] for row in rows[:2]] == [*GIVEN.values()]
    for row, one in zip(rows, expected, strict=False):
        assert {label: row[f"p_{label}"] for label in one.probabilities} == pytest.approx(one.probabilities, abs=1e-4)
    main(["monitor", f"input={tmp_path}/out.parquet", "by=target", f"output={tmp_path}/monitor", "quiet=true"])
    counted = {(row["group"], row["label"]): float(row["counted"]) for row in read_csv(tmp_path / "monitor/shares.csv")}
    for aspect, labels in GIVEN.items():
        for label in ("anger", "joy", "surprise"):
            assert counted[aspect, label] == float(label in labels.split("|"))
    main(["evaluate", f"run={run}", f"output={tmp_path}/scores"])
    assert read_json(tmp_path / "scores" / "metrics.json")["test"]["f1"] > 0.9
