"""Searches with Optuna over real runs of the tiny backbone: killed, gone on with, pruned."""

import signal
import subprocess
import sys

import optuna
import pytest
import yaml
from optuna.trial import TrialState

from sentiment import run_dir as runs
from tests.conftest import ROOT, read_json
from tests.signals import at_step


@pytest.fixture
def command(tiny_backbone, corpus, tmp_path):
    def command(*overrides):
        return [
            *(sys.executable, str(ROOT / "train.py"), f"paths.output_dir={tmp_path}", f"paths.cache={tmp_path}/cache"),
            *(f"model.backbone={tiny_backbone}", f"data.dir={corpus}", "data.max_length=32", "data.batch_size=4"),
            *("hparams_search=optuna", "trainer.max_epochs=3", "model.lr=tag(log,interval(1e-3,1e-1))", *overrides),
        ]

    return command


def trials(folder):
    study = optuna.load_study(study_name="sweep", storage=f"sqlite:///{folder}/study.db")
    return study.get_trials()


def check_killed_search(command, tmp_path, *, count, cut):
    """Kill a search of `count` trials in the middle of trial `cut` and go on: no trial is lost or run twice."""
    folder = tmp_path / "sweeps" / "killed"
    search = command("run_name=killed", f"hydra.sweeper.n_trials={count}")
    environment = at_step(signal.SIGKILL, rf"os\.rename .*/{cut}/checkpoints/last\.ckpt$", 2)
    killed = subprocess.run(search, env=environment, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = trials(folder)
    assert [trial.state for trial in before][-1] == TrialState.RUNNING
    assert len(before) == cut + 1
    stamps = {trial.number: trial.datetime_complete for trial in before[:-1]}

    resumed = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), f"resume={folder}"], capture_output=True, text=True
    )
    assert resumed.returncode == 0, resumed.stderr
    after = trials(folder)
    assert [trial.number for trial in after] == list(range(count))
    assert {number: after[number].datetime_complete for number in stamps} == stamps
    assert after[cut].params == before[cut].params
    assert len({str(trial.params) for trial in after}) == count
    return folder, after


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_search_goes_on_with_the_trial_that_was_cut(command, tmp_path):
    folder, done = check_killed_search(command, tmp_path, count=3, cut=1)
    results = yaml.safe_load((folder / "optimization_results.yaml").read_text())
    best = max(done, key=lambda trial: trial.value)
    assert (results["name"], results["best_value"]) == ("optuna", best.value)
    assert results["best_params"] == best.params
    for trial in done:
        assert list(read_json(folder / str(trial.number) / "metrics.json")) == ["validation"]
        assert runs.score(folder / str(trial.number), "accuracy") == trial.value


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_search_of_twelve_killed_in_the_middle_ends_as_an_unbroken_one(command, tmp_path):
    folder, done = check_killed_search(command, tmp_path, count=12, cut=5)
    for trial in done:
        state = {TrialState.COMPLETE: "finished", TrialState.PRUNED: "pruned"}[trial.state]
        assert runs.outcome(folder / str(trial.number)).state == state
    subprocess.run(command("run_name=unbroken", "hydra.sweeper.n_trials=12"), check=True, capture_output=True)
    for one, other in zip(done, trials(tmp_path / "sweeps" / "unbroken"), strict=True):
        assert (one.state, one.value, one.params) == (other.state, other.value, other.params)
        assert one.intermediate_values == other.intermediate_values


@pytest.mark.e2e
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_pruned_trials_are_recorded_in_the_study_and_in_their_folders(command, tmp_path):
    prune = "callbacks.prune.pruner."
    pruner = [f"{prune}_target_=optuna.pruners.ThresholdPruner", f"~{prune}n_startup_trials", f"+{prune}lower=1.1"]
    search = command("run_name=pruned", "hydra.sweeper.n_trials=2", *pruner)
    done = subprocess.run(search, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "error: all 2 trials were pruned; choose a milder callbacks.prune.pruner" in done.stderr
    folder = tmp_path / "sweeps" / "pruned"
    for trial in trials(folder):
        assert trial.state == TrialState.PRUNED
        assert list(trial.intermediate_values) == [0, 1]  # n_warmup_steps=1
        assert runs.outcome(folder / str(trial.number)).reason.startswith("pruned after epoch 2, at validation/acc")
