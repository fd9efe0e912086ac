"""One process in a run directory at a time, and what the directory says of itself."""

import re
import subprocess
import sys

import pytest

from sentiment import run_dir as runs
from sentiment.errors import ConfigError
from tests.conftest import ROOT, read_json

HOLD = """\
import sys, pathlib
from sentiment import run_dir as runs
with runs.claimed(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    input()
"""


@pytest.fixture
def holder(tmp_path):
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_folder_belongs_to_one_process_until_that_is_killed(holder, tmp_path):
    with pytest.raises(ConfigError, match="another process works in"), runs.claimed(tmp_path / "run"):
        pass
    holder.kill()
    holder.wait()
    with runs.claimed(tmp_path / "run"):
        pass


@pytest.mark.slow
def test_of_two_launches_into_one_folder_one_trains(tiny_backbone, corpus, tmp_path):
    command = [sys.executable, str(ROOT / "train.py"), f"paths.output_dir={tmp_path}", "run_name=same", "debug=fast"]
    command += [f"model.backbone={tiny_backbone}", f"data.dir={corpus}", f"paths.cache={tmp_path}/cache"]
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=300)[1] for process in pair]
    assert sorted(process.returncode for process in pair) == [0, 2]
    [refused] = [error for process, error in zip(pair, errors, strict=True) if process.returncode == 2]
    assert re.search("error: (another process works in|.* already holds a run)", refused)
    assert read_json(tmp_path / "same" / "run_summary.json")["epochs"] == 1


def test_a_refused_launch_leaves_the_record_of_the_run(tiny_copy, capfd):
    from sentiment.cli import main

    before = runs.overrides(tiny_copy)
    with pytest.raises(SystemExit):
        main(["train", f"run_name={tiny_copy.name}", f"paths.output_dir={tiny_copy.parent}", "seed=3"])
    assert "already holds a run" in capfd.readouterr().err
    assert runs.overrides(tiny_copy) == before


def test_the_outcome_is_read_from_the_folder(tiny_copy, tmp_path):
    assert runs.outcome(tiny_copy).state == "finished"
    assert runs.outcome(tmp_path / "none").state == "unfinished"
    runs.end(tmp_path / "cut", "pruned", "after epoch 2")
    assert runs.outcome(tmp_path / "cut") == runs.Outcome("pruned", "after epoch 2")


def test_a_metric_that_no_run_has_is_named(tiny_run):
    assert runs.score(tiny_run, "accuracy") == 1.0
    with pytest.raises(ConfigError, match="optimized_metric=acc: a run has accuracy, f1"):
        runs.score(tiny_run, "acc")
