import subprocess
import sys
import tempfile
import zipfile
from functools import partial

import pytest
import yaml

from sentiment.cli import main
from sentiment.errors import ConfigError, ModelError
from sentiment.inference.predictor import Predictor
from sentiment.serving.archive import check_version, package

IN_A_CLEAN_PROCESS = """
import sys
sys.path.insert(0, {folder!r})
import sentiment, sentiment_handler
assert sentiment.__file__.startswith({folder!r}), sentiment.__file__
from pathlib import Path
import ts
from ts.context import Context
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl
metrics = MetricsCacheYamlImpl(str(Path(ts.__file__).parent / "configs" / "metrics.yaml"))  # not our table
metrics.initialize_cache()
manifest = {{"model": {{"modelVersion": "1.0"}}}}
handler = sentiment_handler.SentimentHandler()
handler.initialize(Context("sentiment", {folder!r}, manifest, 32, None, "1.0", metrics=metrics))
print(handler.responder.predictor.predict(["good film"])[0].label)
"""


@pytest.fixture(scope="module")
def mar(tiny_run, tmp_path_factory):
    return package(run=tiny_run, model_store=tmp_path_factory.mktemp("store"))


def test_the_same_run_gives_the_same_bytes(tiny_run, mar, tmp_path):
    again = package(run=tiny_run, model_store=tmp_path)
    assert again.read_bytes() == mar.read_bytes()


def test_the_archive_holds_the_handler_the_model_and_the_shared_modules(mar):
    names = set(zipfile.ZipFile(mar).namelist())
    assert {"MAR-INF/MANIFEST.json", "model-config.yaml", "sentiment_handler.py", "model.safetensors"} <= names
    assert {"config.json", "tokenizer.json", "vocab.txt", "preprocessing.json"} <= names
    floor = ("errors", "files/replacing", "inference/predictor", "inference/tokenization", "protocol/requests")
    assert {f"sentiment/{name}.py" for name in (*floor, "worker/metrics")} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith("sentiment/training")]


def test_the_unpacked_archive_runs_in_a_clean_process(mar, tmp_path):
    zipfile.ZipFile(mar).extractall(tmp_path)
    code = IN_A_CLEAN_PROCESS.format(folder=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "positive"


def test_an_export_folder_will_do_as_well_as_a_run(tiny_run, mar, tmp_path):
    assert package(run=tiny_run / "export", model_store=tmp_path).read_bytes() == mar.read_bytes()


def test_an_archive_is_replaced_only_when_allowed(tiny_run, mar):
    with pytest.raises(ConfigError, match="exists; choose another name or set overwrite=true"):
        package(run=tiny_run, model_store=mar.parent, overwrite=False)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "my model"},
        {"name": "../up"},
        {"version": "new"},
        {"version": "1.2.3"},
        {"version": "0.0"},
        {"file": "a.mar"},
        {"file": "../a"},
    ],
)
def test_a_name_or_version_torchserve_refuses_is_refused_here(tiny_run, tmp_path, change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        package(run=tiny_run, model_store=tmp_path, **change)


def test_an_unfinished_run_is_not_packaged(tmp_path):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    with pytest.raises(ModelError, match="it has neither export/ nor a checkpoint"):
        package(run=tmp_path / "run", model_store=tmp_path)
    (tmp_path / "run" / "checkpoints" / "last.ckpt").write_bytes(b"")
    with pytest.raises(ModelError, match="resume="):
        package(run=tmp_path / "run", model_store=tmp_path)
    assert not list(tmp_path.glob("*.mar"))


def test_a_run_that_stopped_after_its_export_is_said(tiny_copy, tmp_path, caplog):
    package(run=tiny_copy, model_store=tmp_path)
    assert "not finished" not in caplog.text
    (tiny_copy / "metrics.json").unlink()
    for use in (partial(package, run=tiny_copy, model_store=tmp_path), partial(Predictor.load, tiny_copy)):
        caplog.clear()
        use()
        assert f"{tiny_copy} is not finished: its export may lack the runtime and the calibration" in caplog.text


def test_the_archive_sets_what_a_user_chose_and_nothing_else(tiny_run, tmp_path):
    made = package(run=tiny_run, model_store=tmp_path, workers=2, batch_size=8, max_batch_delay=3, response_timeout=9)
    with zipfile.ZipFile(made) as opened:
        told = yaml.safe_load(opened.read("model-config.yaml"))
    bounds = {"responseTimeout": 9, "maxSeconds": 1.0}
    assert told == {"minWorkers": 2, "maxWorkers": 2, "batchSize": 8, "maxBatchDelay": 3, **bounds}


def test_a_worker_may_not_compute_until_torchserve_kills_it(tiny_run, tmp_path):
    with pytest.raises(ConfigError, match="max_seconds=70: TorchServe kills a worker after response_timeout=120 s"):
        package(run=tiny_run, model_store=tmp_path, max_seconds=70)


def test_a_delay_that_torchserve_takes_for_100_ms_is_refused(tiny_run, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["package", f"run={tiny_run}", f"model_store={tmp_path}", "max_batch_delay=0"])
    assert stopped.value.code == 2
    assert "max_batch_delay=0: expected" in capsys.readouterr().err


def test_packaging_leaves_the_temporary_folder_alone(tiny_run, tmp_path, monkeypatch):
    """The archiver deletes the folder of the model's name in it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "sentiment").mkdir()
    (tmp_path / "sentiment" / "mine.txt").write_text("mine")
    package(run=tiny_run, model_store=tmp_path / "store")
    assert [path.name for path in tmp_path.iterdir() if path.name != "store"] == ["sentiment"]
    assert (tmp_path / "sentiment" / "mine.txt").read_text() == "mine"


def test_a_version_that_torchserve_takes_for_another_is_refused():
    assert [check_version(one) for one in ("1.0", "20.0", "3.05", "10")] == ["1.0", "20.0", "3.05", "10"]
    with pytest.raises(ConfigError, match=r"version=1.10: TorchServe compares versions as numbers, so .* is 1\.1;"):
        check_version("1.10")
