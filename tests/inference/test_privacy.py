"""Nothing leaves the machine: no report of a library on its own use, no database of one, no connection."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sentiment.inference import privacy
from sentiment.serving.archive import CARRIED

LOADED = """
import json, sys, time
from pathlib import Path
from sentiment.inference.predictor import Predictor
Predictor.load(Path(sys.argv[1])).predict(["good film"])
import psutil
own = psutil.Process()
time.sleep(0.5)  # for what starts in a thread
connections = [str(one.raddr) for one in own.net_connections() if one.raddr]
print(json.dumps([[file.path for file in own.open_files()], connections]))
"""


@pytest.mark.parametrize("runtime", ["onnx-int8", pytest.param("torch", marks=pytest.mark.slow)])
def test_a_process_that_answers_holds_no_database_and_no_connection(runtime, converted, tiny_run, tmp_path):
    import json

    plain = {name: value for name, value in os.environ.items() if name not in privacy.ENVIRONMENT}
    run = converted if runtime == "onnx-int8" else tiny_run
    environment = {**plain, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(run)], env=environment, capture_output=True, text=True, check=True
    )
    files, connections = json.loads(done.stdout.splitlines()[-1])
    assert not [path for path in files if ".db" in Path(path).name or str(tmp_path) in path]
    assert connections == []
    assert not [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name or path.name == "deviceid"]


def test_what_is_set_already_stays(monkeypatch):
    for name in privacy.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ORT_DISABLE_TELEMETRY", "0")
    privacy.keep_to_this_machine()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "0"
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert os.environ["DISABLE_SAFETENSORS_CONVERSION"] == "1"


def test_the_archive_carries_it_to_the_worker():
    assert "inference" in CARRIED
