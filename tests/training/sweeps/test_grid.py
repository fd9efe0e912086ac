"""A grid of real runs of the tiny backbone, stopped, gone on with and extended."""

import os

import pytest

from sentiment import run_dir as runs
from sentiment.cli import main
from sentiment.training.sweeps.grid import combinations
from tests.conftest import read_json
from tests.training.sweeps.test_space import parsed


@pytest.fixture
def tiny(tiny_backbone, corpus, tmp_path):
    """The arguments of a short sweep of the tiny backbone, but for what is swept."""
    return [
        *("train", "-m", "run_name=sweep", f"paths.output_dir={tmp_path}", f"paths.cache={tmp_path}/cache"),
        *(f"model.backbone={tiny_backbone}", f"data.dir={corpus}", "data.max_length=32", "data.batch_size=8"),
        *("model.lr=5e-3", "trainer.max_epochs=2"),
    ]


def times(folder):
    return {path.parent.name: path.stat().st_mtime_ns for path in folder.glob("*/metrics.json")}


def test_the_first_key_changes_slowest():
    assert combinations(parsed("a=1,2", "b=x", "c=3,4")) == [
        ["a=1", "b=x", "c=3"],
        ["a=1", "b=x", "c=4"],
        ["a=2", "b=x", "c=3"],
        ["a=2", "b=x", "c=4"],
    ]


@pytest.mark.slow
def test_a_second_launch_runs_what_is_missing(tiny, tmp_path):
    main([*tiny, "seed=1,2"])
    folder = tmp_path / "sweeps" / "sweep"
    first = times(folder)
    (folder / "1" / "metrics.json").unlink()  # as if killed while it wrote its results
    scores = read_json(folder / "0" / "metrics.json")
    main([*tiny, "seed=3,2,1"])
    then = times(folder)
    assert (set(first), set(then)) == ({"0", "1"}, {"0", "1", "2"})
    assert then["0"] == first["0"]
    assert then["1"] > first["1"]
    assert "seed=3" in runs.overrides(folder / "2")
    assert read_json(folder / "0" / "metrics.json") == scores
    assert list(scores) == ["validation"]


@pytest.mark.slow
def test_a_failed_trial_leaves_the_others_and_is_told(tiny, tmp_path, capfd):
    with pytest.raises(SystemExit) as caught:
        main([*tiny, "trainer.max_epochs=1", "data.label_column=nothing,label"])
    assert caught.value.code == 1
    said = capfd.readouterr().err
    assert "error: 1 of 2 trials failed; 0: " in said
    assert "train.csv has no column 'nothing'" in said
    folder = tmp_path / "sweeps" / "sweep"
    assert [runs.outcome(folder / name).state for name in ("0", "1")] == ["failed", "finished"]


def test_a_slurm_that_takes_no_jobs_is_one_line(tiny, tmp_path, capfd, monkeypatch):
    program = tmp_path / "bin/sbatch"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nprintf 'error: no DNS\\nfatal: no cluster\\n' >&2\nexit 1\n")
    program.chmod(0o755)
    (program.parent / "srun").symlink_to(program)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    with pytest.raises(SystemExit) as caught:
        main([*tiny, "seed=1,2", "hydra/launcher=slurm"])
    assert caught.value.code == 1
    assert capfd.readouterr().err.splitlines()[-1] == "error: Slurm took no jobs of this sweep: fatal: no cluster"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.lr=1e-3,3"], "error: model.lr=3: expected less than or equal to 1"),
        (["data.max_length=32,500"], "error: max_length=500 exceeds the 128 positions"),
        (["model.scheduler=linear,lnear"], "did you mean linear?"),
        (["model.lr=interval(0.1,0.2)"], "a grid takes no interval; add hydra/sweeper=optuna"),
        (["seed=1,2", "trainer.strategy=ddp"], "a trial of a sweep runs on one device"),
        (["seed=1,2", "trainer.devices=2"], "a trial of a sweep runs on one device"),
        (["seed=1", "hydra/sweeper=optuna"], "nothing to search"),
        (["seed=1,2", "hydra/sweeper=optuna", "after_training.test=true"], "a search never looks at the test split"),
        (["model.lr=interval(0.1,2.0)", "hydra/sweeper=optuna"], "error: model.lr=2.0: expected less than or equal to"),
        (["hydra/sweeper=optuna", "hydra.sweeper.n_trial=3"], "did you mean hydra.sweeper.n_trials?"),
        (["hydra/sweeper=optuna", "hydra.sweeper.n_trials=0"], "error: hydra.sweeper.n_trials=0: expected greater"),
        (["seed=1,2", "hydra/launcher=local", "hydra.launcher.n_jobs=0"], "error: hydra.launcher.n_jobs=0: expected"),
        (
            ["seed=1,2", "hydra/launcher=slurm", "hydra.launcher.timeout_min=abc"],
            "launcher.timeout_min=abc: Value 'abc'",
        ),
    ],
)
def test_what_cannot_work_stops_the_sweep_before_its_first_trial(overrides, message, tiny, tmp_path, capfd):
    with pytest.raises(SystemExit) as caught:
        main([*tiny, *overrides])
    assert caught.value.code == 2
    assert message in capfd.readouterr().err
    assert not list(tmp_path.glob("sweeps/*/*/.hydra"))
