"""Sweeps whose trials run elsewhere: on joblib's workers, on a local Ray, as jobs of a real Slurm."""

import os
import subprocess
import sys

import psutil
import pytest

from sentiment import run_dir as runs
from tests.conftest import ROOT, read_json
from tests.training.sweeps.slurm import PROGRAMS, slurm

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def sweep(tiny_backbone, corpus, tmp_path_factory):
    """Run a grid of two seeds; its folder."""
    outputs = tmp_path_factory.mktemp("outputs")

    def sweep(name, *overrides, environment=os.environ):
        words = [sys.executable, str(ROOT / "train.py"), "-m", f"run_name={name}", f"paths.output_dir={outputs}"]
        words += [f"model.backbone={tiny_backbone}", f"data.dir={corpus}", "data.max_length=32", "data.batch_size=8"]
        words += [f"paths.cache={outputs}/cache-{name}", "trainer.max_epochs=2", "model.lr=5e-3", "seed=1,2"]
        done = subprocess.run([*words, *overrides], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return outputs / "sweeps" / name

    return sweep


@pytest.fixture(scope="module")
def serial(sweep):
    return sweep("serial")


def assert_same_trials(folder, serial):
    for trial in ("0", "1"):
        assert runs.outcome(folder / trial).state == "finished"
        assert read_json(folder / trial / "metrics.json") == read_json(serial / trial / "metrics.json")


def processes_with(variable):
    """Processes that inherited this variable of the environment."""
    return [one for one in psutil.process_iter(["environ"]) if variable in (one.info["environ"] or {})]


def test_joblib_runs_the_trials_side_by_side(sweep, serial):
    assert_same_trials(sweep("joblib", "hydra/launcher=local"), serial)


def test_ray_runs_the_trials_and_leaves_no_process_behind(sweep, serial):
    environment = os.environ | {"OF_THIS_TEST": "1"}
    assert_same_trials(sweep("ray", "hydra/launcher=ray", environment=environment), serial)
    assert psutil.wait_procs(processes_with("OF_THIS_TEST"), timeout=60)[1] == []


@pytest.mark.requires(*PROGRAMS)
@pytest.mark.skipif(os.geteuid() != 0, reason="slurmd runs as root alone")
def test_slurm_runs_each_trial_as_a_job(sweep, serial, tmp_path):
    with slurm(tmp_path) as environment:
        folder = sweep("slurm", "hydra/launcher=slurm", "hydra.launcher.cpus_per_task=1", environment=environment)
    assert_same_trials(folder, serial)
    assert len(list((folder / ".submitit").glob("*_[01]"))) == 2
