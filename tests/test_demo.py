"""The demo as a command that is stopped."""

import signal
import subprocess
import sys

import psutil
import pytest

from tests.ports import free_ports
from tests.signals import at_step


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_demo_that_is_stopped_ends_its_training_first(number, tiny_backbone, corpus, short_path):
    """The signal comes with the first checkpoint of the training, to the demo alone."""
    training = ["debug=fast", "data=files", f"data.dir={corpus}", f"model.backbone={tiny_backbone}"]
    training += [f"paths.cache={short_path}/cache", "data.max_length=32", "data.batch_size=8"]
    command = [sys.executable, "-m", "sentiment", "demo", f"output_dir={short_path}", f"model_store={short_path}/store"]
    command += [f"ports=[{','.join(map(str, free_ports(3)))}]", f"overrides={training!r}"]
    environment = at_step(number, r"os\.rename .*/last\.ckpt$", target="parent") | {"OF_THIS_DEMO": str(short_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (130, "error: stopped"), done.stderr
    assert "go on with: sentiment train resume=" in done.stderr
    marks = [one.info["environ"] or {} for one in psutil.process_iter(["environ"])]
    assert str(short_path) not in [mark.get("OF_THIS_DEMO") for mark in marks]
