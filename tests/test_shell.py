"""Commands in messages can be copied: the shell and Hydra read back the path that is meant."""

import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from sentiment.cli import print_run
from sentiment.errors import ModelError
from sentiment.inference.export_dir import export_folder
from sentiment.shell import as_typed, for_shell

NAMES = [
    "first",
    "two words",
    "lr=1e-05,seed=1",
    "it's",
    'a "b"',
    "ünïcode",
    "[1]",
    "{a: b}",
    "$HOME",
    "10",
    "null",
    "a\\b",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_shell_and_hydra_read_the_value_back(name):
    [word] = shlex.split(for_shell("run", Path("outputs", name)))
    assert OverridesParser.create().parse_override(word).value() == f"outputs/{name}"
    [word] = shlex.split(for_shell("run_name", name))
    assert OverridesParser.create().parse_override(word).value() == name


def test_a_value_in_quotes_is_easy_to_read():
    assert for_shell("by", 2015) == """"by='2015'\""""
    assert for_shell("run", "two words") == """"run='two words'\""""


def test_a_path_is_relative_below_the_working_folder_alone(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert as_typed(tmp_path / "here" / "outputs" / "first") == Path("outputs", "first")
    assert as_typed(Path("outputs")) == Path("outputs")
    assert as_typed(tmp_path / "there") == tmp_path / "there"


def test_what_a_run_prints_at_its_end_can_be_copied(capsys, monkeypatch):
    monkeypatch.setattr("sentiment.evaluation.terminal.scores_table", lambda results: "")
    folder = Path("outputs", "a long [red]name", "x" * 80)
    print_run(folder, None)
    lines = capsys.readouterr().out.splitlines()
    assert f"run folder   {folder}   (report/report.html, metrics.json, export/)" in lines
    [predict] = [line for line in lines if line.startswith("  sentiment predict")]
    assert shlex.split(predict)[2:] == [f"run='{folder}'", "input=FILE.csv", "output=OUT.csv"]


def test_a_message_quotes_the_folder_in_its_command(tmp_path):
    (tmp_path / "two words" / "checkpoints").mkdir(parents=True)
    (tmp_path / "two words" / "checkpoints" / "last.ckpt").touch()
    with pytest.raises(ModelError) as refused:
        export_folder(tmp_path / "two words")
    command = str(refused.value).partition("let the training finish: ")[2]
    [word] = shlex.split(command)[2:]
    assert OverridesParser.create().parse_override(word).value() == str(tmp_path / "two words")
