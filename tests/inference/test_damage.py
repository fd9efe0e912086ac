"""A damaged file of a run is one line that names it, in every command that reads it, with or without SHA256SUMS."""

import shutil

import pytest

from sentiment import run_dir as runs
from sentiment.cli import main
from sentiment.errors import ConfigError, DamagedFileError, ModelError, SentimentError
from sentiment.inference.checksums import SUMS, export_hash, read_checksums, verify_export
from sentiment.inference.export_dir import REQUIRED
from sentiment.inference.predictor import Predictor
from sentiment.serving.archive import package
from tests.inference.test_checksums import HARMS

LATER = {
    "not_utf8": lambda path: path.write_bytes(b"\xff\xfe" + path.read_bytes()),
    "a_list": lambda path: path.write_text("[]"),
    "a_number": lambda path: path.write_text("1" * 5000),
    "nothing_known": lambda path: path.write_text('{"nothing": null}'),
}


@pytest.mark.parametrize("name", [*REQUIRED, "vocab.txt", SUMS])
def test_every_harm_to_a_file_of_an_export_is_one_line(tiny_copy, name):
    path = tiny_copy / "export" / name
    whole = path.read_bytes()
    for harm, spoil in (HARMS | LATER).items():
        if name == SUMS and harm == "missing":
            continue  # an export of an earlier release
        spoil(path)
        for read in (Predictor.load, lambda run: package(run=run, model_store=tiny_copy / "store")):
            with pytest.raises((ModelError, DamagedFileError), match=name.replace(".", r"\.")) as raised:
                read(tiny_copy)
            assert "\n" not in str(raised.value)
            assert "accept=true" in str(raised.value) or "resume=" in str(raised.value)
        path.write_bytes(whole)
    assert Predictor.load(tiny_copy).predict(["good film"])[0].label == "positive"


@pytest.mark.parametrize("name", REQUIRED)
def test_without_the_list_what_cannot_be_read_is_one_line_too(tiny_copy, name):
    """An export of an earlier release; flipped bytes alone may go unnoticed there."""
    (tiny_copy / "export" / SUMS).unlink()
    path = tiny_copy / "export" / name
    whole = path.read_bytes()
    for harm, spoil in (HARMS | LATER).items():
        if harm == "flipped" or (name == "tokenizer.json" and harm == "cut"):
            continue
        spoil(path)
        for read in (Predictor.load, lambda run: package(run=run, model_store=tiny_copy / "store")):
            with pytest.raises((ModelError, DamagedFileError), match=name.replace(".", r"\.")) as raised:
                read(tiny_copy)
            assert "\n" not in str(raised.value)
        path.write_bytes(whole)


def test_weights_without_the_head_are_no_model(tiny_copy):
    """transformers fills what is missing with random numbers."""
    from safetensors.torch import load_file, save_file

    export = tiny_copy / "export"
    (export / SUMS).unlink()
    tensors = load_file(export / "model.safetensors")
    rest = {name: tensor for name, tensor in tensors.items() if not name.startswith("classifier")}
    save_file(rest, export / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DamagedFileError, match=r"model\.safetensors is damaged: it lacks classifier\.bias and 1 more"):
        Predictor.load(tiny_copy)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"temperature": "warm"}, "temperature='warm': expected float, got str"),
        ({"temperature": 0}, "must be above 0"),
        ({"truncation": "middle"}, "truncation='middle': expected one of head, tail, head_tail"),
        ({"max_length": True}, "max_length=True: expected int, got bool"),
        ({"window_step": -1}, "window_step=-1 is below 0"),
        ({"lowercase": True}, "unexpected keyword argument 'lowercase'"),
    ],
)
def test_a_value_that_no_training_writes_is_named(tiny_copy, change, said):
    from sentiment.files import read_json, write_json

    path = tiny_copy / "export" / "preprocessing.json"
    (path.parent / SUMS).unlink()
    write_json(path, read_json(path) | change)
    with pytest.raises(DamagedFileError, match=said):
        Predictor.load(tiny_copy)


def test_flipped_bytes_of_a_graph_are_neither_answered_with_nor_packaged(converted, tmp_path):
    run = shutil.copytree(converted, tmp_path / "run")
    graph = run / "export" / "model-onnx-int8.onnx"
    assert graph.name in read_checksums(run / "export")
    HARMS["flipped"](graph)
    for read in (Predictor.load, lambda run: package(run=run, model_store=tmp_path / "store")):
        with pytest.raises(ModelError, match=r"model-onnx-int8\.onnx is damaged: its SHA-256 is"):
            read(run)
    assert not list((tmp_path / "store").glob("*.mar"))


def test_a_deliberate_change_is_accepted_by_the_command_that_the_message_names(tiny_copy, capsys):
    path = tiny_copy / "export" / "preprocessing.json"
    before = export_hash(tiny_copy / "export")
    path.write_text(path.read_text().replace('"window_step": 0', '"window_step": 16'))
    with pytest.raises(SystemExit):
        main(["export", f"run={tiny_copy}"])
    assert "accept=true" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["export", f"run={tiny_copy}", "accept=true", "runtime=onnx"])
    assert "one thing at a time" in capsys.readouterr().err
    main(["export", f"run={tiny_copy}", "accept=true"])
    assert verify_export(tiny_copy / "export") == Predictor.load(tiny_copy).sha256 != before
    assert Predictor.load(tiny_copy).preprocessing.window_step == 16


def test_a_damaged_graph_is_made_again_by_the_command_that_the_message_names(converted, tmp_path):
    run = shutil.copytree(converted, tmp_path / "run")
    HARMS["cut"](run / "export" / "model-onnx-int8.onnx")
    main(["export", f"run={run}", "runtime=onnx"])
    verify_export(run / "export")
    assert Predictor.load(run).preprocessing.runtime == "onnx"


def test_what_cannot_be_opened_is_not_accepted(tiny_copy, capsys):
    export = tiny_copy / "export"
    before = (export / SUMS).read_bytes()
    HARMS["cut"](export / "config.json")
    with pytest.raises(SystemExit):
        main(["export", f"run={tiny_copy}", "accept=true"])
    assert "config.json is damaged" in capsys.readouterr().err
    assert (export / SUMS).read_bytes() == before


@pytest.mark.parametrize("harm", {**HARMS, **LATER})
@pytest.mark.parametrize("name", ["metrics.json", "intervals.json"])
def test_damaged_scores_are_not_packaged(tiny_copy, tmp_path, name, harm):
    if harm == "missing":
        return  # an unfinished run, whose archive tells no scores
    (HARMS | LATER)[harm](tiny_copy / name)
    for keep in (True, False):  # with SHA256SUMS, and as an earlier release left the run
        if not keep:
            (tiny_copy / SUMS).unlink()
        if not keep and harm in ("flipped", "nothing_known"):
            continue
        with pytest.raises((ModelError, DamagedFileError), match=name.replace(".", r"\.")):
            package(run=tiny_copy, model_store=tmp_path / "store")


@pytest.mark.parametrize("harm", {**HARMS, **LATER})
def test_a_damaged_saved_config_is_one_line(tiny_copy, capsys, harm):
    if harm == "flipped":
        return  # may be a comment, or a value that is as good
    (HARMS | LATER)[harm](tiny_copy / ".hydra" / "config.yaml")
    with pytest.raises(SystemExit) as stopped:
        main(["evaluate", f"run={tiny_copy}", "split=test"])
    assert stopped.value.code == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith("error: ")
    assert "config.yaml" in last


@pytest.mark.parametrize("name", ["outcome.json", "metrics.json", ".hydra/overrides.yaml", ".hydra/hydra.yaml"])
def test_the_leaderboard_names_what_is_damaged(tiny_copy, capsys, name):
    path = tiny_copy / name
    for content in (b"", b"\xff\xfe{", b"{"):
        if name == "outcome.json":
            (tiny_copy / "metrics.json").unlink(missing_ok=True)
        path.write_bytes(content)
        with pytest.raises(SystemExit):
            main(["sweep-report", f"folder={tiny_copy.parent}"])
        *_, last = capsys.readouterr().err.splitlines()
        assert last.startswith("error: ")
        assert path.name in last


def test_the_state_of_a_run_is_one_of_those_there_are(tmp_path):
    (tmp_path / "outcome.json").write_text('{"state": "glorious"}')
    with pytest.raises(SentimentError, match="its state is 'glorious'"):
        runs.outcome(tmp_path)


def test_a_run_of_other_data_names_no_class(tiny_copy):
    from sentiment.evaluation.evaluate import run_data

    path = tiny_copy / ".hydra" / "config.yaml"
    path.write_text("data: {}\n")
    with pytest.raises(DamagedFileError, match=r"it has no data\._target_"):
        run_data(tiny_copy)
    path.write_text("data: {_target_: pytorch_lightning.callbacks.ModelCheckpoint}\n")
    with pytest.raises(ConfigError, match="makes no SentimentData"):
        run_data(tiny_copy)


@pytest.fixture
def stopped(tiny_copy):
    """A run that has its checkpoints and no end."""
    (tiny_copy / "metrics.json").unlink()
    return tiny_copy


@pytest.mark.parametrize("harm", [*(harm for harm in HARMS if harm != "missing"), "pickle", "foreign"])
@pytest.mark.parametrize("name", ["last", "best"])
def test_a_damaged_checkpoint_is_one_line_before_any_data_is_read(stopped, capsys, name, harm):
    import torch

    path = stopped / "checkpoints" / f"{name}.ckpt"
    others = {"pickle": lambda: torch.save({"a": shutil.copy}, path), "foreign": lambda: torch.save({"a": 1}, path)}
    others.get(harm, lambda: HARMS[harm](path))()
    with pytest.raises(SystemExit) as ended:
        main(["train", f"resume={stopped}", f"data.dir={stopped}/nowhere"])
    assert ended.value.code == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith("error: ")
    assert f"{name}.ckpt is damaged: " in last
    assert "run_name" in last
