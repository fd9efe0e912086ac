"""A machine's own settings: conf/local, which git ignores."""

import shutil

import pytest

from sentiment.config import compose as composing
from sentiment.config.commands import commands
from sentiment.config.resources import bundled
from tests.conftest import ROOT


@pytest.fixture
def local(tmp_path, monkeypatch):
    """The folder of a machine's own settings, in a copy of conf/."""
    conf = shutil.copytree(bundled("conf"), tmp_path / "conf", ignore=shutil.ignore_patterns("local"))
    monkeypatch.setattr(composing, "bundled", lambda name: tmp_path / name)
    (conf / "local").mkdir()
    return conf / "local"


def test_training_takes_the_settings_of_this_machine_and_the_command_line_wins(local):
    (local / "default.yaml").write_text("paths: {output_dir: /data/runs}\ntrainer: {accelerator: gpu}\n")
    cfg = composing.compose("train")
    assert (cfg.paths.output_dir, cfg.trainer.accelerator) == ("/data/runs", "gpu")
    assert composing.compose("train", ["trainer.accelerator=cpu"]).trainer.accelerator == "cpu"


@pytest.mark.parametrize("command", [command for command in commands() if command != "train"])
def test_each_command_takes_its_own_settings(command, local):
    (local / f"{command}.yaml").write_text("paths: {output_dir: /data/runs}\n")
    assert composing.compose(command).paths.output_dir == "/data/runs"


def test_git_ignores_them():
    assert "conf/local/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
