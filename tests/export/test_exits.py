"""Early exits: trained with a run, chosen by the gate, and the same answers from every door."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sentiment.batch import predict
from sentiment.batch.ray_data import RayData
from sentiment.cli import main
from sentiment.data.splits import Split
from sentiment.errors import ConfigError
from sentiment.export import exit_fitting, export_run
from sentiment.export.exits import add_exits
from sentiment.inference.checksums import update_checksums, verify_export
from sentiment.inference.exits import EXITS, HEADS, lead
from sentiment.inference.predictor import Predictor
from sentiment.serving.archive import package
from tests.conftest import read_csv, read_json, start_handler, write_csv
from tests.handling import answers

WORDS = ["film", "meal", "phone", "trip", "song", "book", "game", "room"]
SAID = [("bad", "negative"), ("good", "positive")]


def rows(count: int) -> list[tuple[str, str]]:
    """Texts of a few to thirty words whose first word says the label."""
    return [
        (f"{SAID[i % 2][0]} {WORDS[i // 2 % 8]} {i} " + "and so on " * (i // 16 % 9), SAID[i % 2][1])
        for i in range(count)
    ]


TEXTS = [*(text for text, _ in rows(60)), "neither here nor there", "good bad good bad", "bad and so on good"]
VALIDATION = Split([text for text, _ in rows(400)], [label for _, label in rows(400)])


@pytest.fixture(scope="module")
def trained(train_tiny, tmp_path_factory) -> Path:
    """A run in int8 with an exit after the first of two layers."""
    folder = tmp_path_factory.mktemp("corpus")
    for split, count in {"train": 64, "validation": 400, "test": 40}.items():
        write_csv(folder / f"{split}.csv", rows(count))
    asked = ["model.exits=[1]", "after_training.convert.runtime=onnx-int8"]
    return train_tiny("exits", f"data.dir={folder}", *asked)


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture
def mixed(run: Path) -> Path:
    """The run with a threshold that some of the texts reach, and none is near."""
    export = run / "export"
    predictor = Predictor.load(run)
    states = predictor.compute.trace([one.windows[0] for one in predictor.encode(TEXTS)])[0]
    leads = np.sort(lead(predictor.compute.exits[0].logits(states)))[len(TEXTS) // 4 : -len(TEXTS) // 4]
    widest = np.diff(leads).argmax()
    record = read_json(export / EXITS)
    record["exits"][0]["threshold"] = float(leads[widest : widest + 2].mean())
    (export / EXITS).write_text(json.dumps(record))
    update_checksums(export, EXITS)
    return run


@pytest.fixture(scope="module")
def whole(trained: Path, tmp_path_factory) -> Path:
    """The run with its graph in one file, without exits."""
    copied = shutil.copytree(trained, tmp_path_factory.mktemp("whole") / "run")
    main(["export", f"run={copied}", "runtime=onnx-int8", "exits=[]"])
    return copied


@pytest.fixture
def without(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "without")


def test_a_run_records_its_exits_and_holds_the_graph_once(trained, whole):
    export, record = trained / "export", read_json(trained / "export" / EXITS)
    assert (record["asked"], record["runtime"]) == ([1], "onnx-int8")
    assert [one["layer"] for one in record["exits"]] == [1]
    assert record["exits"][0]["share"] > 0
    assert record["validation"]["bound"] <= 0.01
    assert verify_export(export) == Predictor.load(trained).sha256
    assert len({path.stat().st_mode for path in export.iterdir()}) == 1
    sizes = [path.stat().st_size for path in export.glob("model-onnx-int8*.onnx")]
    assert len(sizes) == 2
    assert sum(sizes) < 1.02 * (whole / "export" / "model-onnx-int8.onnx").stat().st_size


def test_without_exits_answers_are_those_of_the_whole_graph(run, whole):
    off = Predictor.load(run, exits=False)
    assert {one.layers for one in off.predict(TEXTS)} == {None}
    expected = Predictor.load(whole).probabilities(TEXTS)
    assert not {EXITS, HEADS} & {path.name for path in (whole / "export").iterdir()}
    np.testing.assert_allclose(off.probabilities(TEXTS), expected, atol=1e-6)


def test_an_export_keeps_the_exits_that_were_asked_for(run, whole):
    expected = Predictor.load(whole).probabilities(TEXTS)
    main(["export", f"run={run}", "runtime=onnx-int8"])  # keeps what was asked for
    assert Predictor.load(run).predict(TEXTS[:1])[0].layers == 1
    np.testing.assert_allclose(Predictor.load(run, exits=False).probabilities(TEXTS), expected, atol=1e-6)


@pytest.mark.parametrize("max_tokens", [16, 64, 512])
def test_rows_keep_their_order_and_those_that_stay_their_answers(mixed, max_tokens):
    engine = Predictor.load(mixed, max_tokens=max_tokens)
    found = engine.predict(TEXTS)
    assert {one.layers for one in found} == {1, 2}
    alone = [engine.predict([text])[0] for text in TEXTS]
    assert [one.layers for one in found] == [one.layers for one in alone]
    all_layers = Predictor.load(mixed, exits=False).predict(TEXTS)
    for one, single, full in zip(found, alone, all_layers, strict=True):
        assert one.probabilities == pytest.approx(single.probabilities, abs=1e-4)  # int8 rounds near a step
        assert one.layers == 1 or one.probabilities == pytest.approx(full.probabilities, abs=1e-6)


def test_a_text_in_windows_counts_its_highest_layer(mixed):
    engine = Predictor.load(mixed, window_step=8, exits=True)
    long = " ".join(TEXTS[-12:])
    [found] = engine.predict([long])
    rows_of_it = engine.encode([long])[0].windows
    assert len(rows_of_it) > 1
    assert found.layers == max(engine.compute.early(rows_of_it, 512)[1])


@pytest.mark.slow
def test_a_model_with_new_tokens_keeps_its_exits(run):
    text = "good filmness 1"
    former = Predictor.load(run)(text)
    main(["export", f"run={run}", "new_tokens=[filmness]", "runtime=onnx-int8"])
    record = read_json(run / "export" / EXITS)
    assert (record["asked"], [one["layer"] for one in record["exits"]]) == ([1], [1])
    found = Predictor.load(run)(text)
    assert (found.label, found.layers, found.tokens) == ("positive", 1, former.tokens - 1)


def test_every_door_gives_the_same_answers(mixed, tmp_path):
    expected = Predictor.load(mixed).predict(TEXTS)
    handler = start_handler(mixed / "export", tmp_path)
    tensor = {"name": "text", "shape": [len(TEXTS)], "datatype": "BYTES", "data": TEXTS}
    bodies = [
        {"texts": TEXTS, "details": True},
        {"texts": TEXTS},
        {"inputs": [tensor], "outputs": [{"name": "layers"}]},
    ]
    (_, detailed), (_, plain), (_, v2) = answers(handler, *({"body": body} for body in bodies))
    for one, other in zip(detailed["predictions"], expected, strict=True):
        assert (one["label"], one["layers"]) == (other.label, other.layers)
        assert one["probabilities"] == pytest.approx(other.probabilities, abs=1e-5)
    assert "layers" not in plain["predictions"][0]
    assert v2["outputs"][0]["data"] == [one.layers for one in expected]
    source = write_csv(tmp_path / "in.csv", [(text,) for text in TEXTS], header=("text",))
    for name, more in {"on": [], "off": ["engine.exits=false"]}.items():
        main(["predict", f"run={mixed}", f"input={source}", f"output={tmp_path}/{name}.csv", *more])
    assert [row["prediction"] for row in read_csv(tmp_path / "on.csv")] == [one.label for one in expected]
    left = read_json(tmp_path / "on.csv.summary.json")["layers"]
    assert left == {str(n): sum(one.layers == n for one in expected) for n in (1, 2)}
    off = read_json(tmp_path / "off.csv.summary.json")
    assert "layers" not in off
    assert off["model"]["exits"] is False


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")  # of ray
def test_workers_of_ray_answer_early_too(mixed, tmp_path):
    source = write_csv(tmp_path / "in.csv", [(text,) for text in TEXTS], header=("text",))
    pool = RayData(run=mixed)
    try:
        predict(input=source, output=tmp_path / "ray.csv", engine=pool)
    finally:
        pool.close()
    expected = Predictor.load(mixed).predict(TEXTS)
    assert [row["prediction"] for row in read_csv(tmp_path / "ray.csv")] == [one.label for one in expected]
    left = read_json(tmp_path / "ray.csv.summary.json")["layers"]
    assert left == {str(n): sum(one.layers == n for one in expected) for n in (1, 2)}


def test_an_archive_may_leave_exits_out(run, tmp_path):
    for name, exits_on in {"on": None, "off": False}.items():
        archive = package(run=run, model_store=tmp_path, name=name, exits=exits_on)
        zipfile.ZipFile(archive).extractall(tmp_path / name)
    assert Predictor.load(tmp_path / "on").predict(TEXTS[:1])[0].layers == 1
    assert Predictor.load(tmp_path / "off").predict(TEXTS[:1])[0].layers is None


@pytest.mark.parametrize(
    ("texts", "told"),
    [(400, "no exit after layers 1 passes the gate"), (40, "40 validation texts are too few for exits")],
)
def test_the_gate_refuses_a_bad_head_and_few_texts(without, monkeypatch, texts, told):
    export, validation = without / "export", Split(VALIDATION.texts[:texts], VALIDATION.labels[:texts])
    before = Predictor.load(without).probabilities(TEXTS)
    always = np.zeros((32, 2), np.float32), np.array([1, 0], np.float32)  # one label for every text
    monkeypatch.setattr(exit_fitting, "fit_head", lambda states, answers: always)
    assert not add_exits(export, [1], train=TEXTS, validation=validation)
    record = read_json(export / EXITS)
    assert record["exits"] == []
    assert record["summary"].startswith(told)
    np.testing.assert_array_equal(Predictor.load(without).probabilities(TEXTS), before)
    verify_export(export)


@pytest.mark.parametrize("kind", ["scale", "multi"])
def test_other_kinds_of_label_are_told_that_they_have_none(kind, request, tmp_path):
    own = request.getfixturevalue(f"{kind}_run")
    told = f"^exits=.*: exits are for one of several labels, this model has task={kind}; leave "
    with pytest.raises(ConfigError, match=told):
        Predictor.load(own, exits=True)
    with pytest.raises(ConfigError, match=told):
        package(run=own, model_store=tmp_path, exits=True)
    with pytest.raises(ConfigError, match=told):
        export_run(run=own, exits=[1])
    assert Predictor.load(own, exits=False).predict(["a day"]) == Predictor.load(own).predict(["a day"])


def test_what_can_do_nothing_is_refused(tiny_run, run, tmp_path, train_tiny, capsys):
    with pytest.raises(ConfigError, match="exits=true: .* has no early exits of the runtime torch; leave it out, or"):
        Predictor.load(tiny_run, exits=True)
    with pytest.raises(ConfigError, match="exits=true: .* no early exits of the runtime torch"):
        package(run=tiny_run, model_store=tmp_path, exits=True)
    of_export = {
        ("exits=[2]",): "exits=[2]: expected ascending numbers of 1 to 1, as the model has 2 layers",
        ("exits=[1]", "runtime=torch"): "exits=[1] does nothing with runtime=torch",
        ("exits=[1]", "accept=true"): "exits=[1] and accept=true: one thing at a time",
    }
    of_train = {
        ("model.exits=[2]", "after_training.convert.runtime=auto"): "model.exits=[2]: expected ascending numbers",
        ("model.exits=[1]",): "model.exits=[1] does nothing with after_training.convert.runtime=torch",
        ("model.exits=[1]", "task=multi"): "model.exits=[1] does nothing with task=multi",
        ("model.exits=[1]", "task=scale"): "model.exits=[1] does nothing with task=scale",
        ("model.exits=[]", "after_training.convert.runtime=auto"): "model.exits=[]: expected ascending numbers",
    }
    for keys, message in {**of_export, **of_train}.items():
        with pytest.raises(SystemExit):
            train_tiny("refused", *keys) if keys in of_train else main(["export", f"run={run}", *keys])
        assert message in " ".join(capsys.readouterr().err.split())
