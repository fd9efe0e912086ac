import json
import os
import subprocess
import sys

import hydra
import pytest

from sentiment.cli import main
from sentiment.client import Client
from sentiment.config.commands import commands
from sentiment.config.compose import VERSION_BASE
from sentiment.config.resources import bundled
from sentiment.errors import EXIT_CODES
from tests.conftest import ROOT, write_csv
from tests.ports import free_ports

HEAVY = ("torch", "transformers", "pytorch_lightning", "datasets", "gradio", "matplotlib")


def test_help_lists_every_command(capsys):
    main(["--help"])
    out = capsys.readouterr().out
    assert all(f"\n  {command} " in out for command in commands())


def test_help_lists_every_exit_status(capsys):
    main(["--help"])
    out = " ".join(capsys.readouterr().out.split())
    assert "Exit status: " + ", ".join(f"{code} {meaning}" for code, meaning in EXIT_CODES.items()) in out


def test_help_loads_nothing_heavy():
    """In one process, which takes the seconds of a start once; what one command loads is there after it."""
    code = (
        "import contextlib, io, json, sys\nfrom sentiment.cli import main\nfor words in json.loads(sys.argv[1]):\n"
        "    out = io.StringIO()\n    with contextlib.redirect_stdout(out):\n        try:\n            main(words)\n"
        "        except SystemExit as end:\n            assert not end.code, (words, end)\n"
        "    assert 'key=value' in out.getvalue(), words\n"
        f"    assert not [name for name in {HEAVY} if name in sys.modules], words\n"
    )
    words = [["--help"], *([command, "--help"] for command in commands())]
    done = subprocess.run([sys.executable, "-c", code, json.dumps(words)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")


def test_the_help_is_the_one_that_hydra_prints(capsys, monkeypatch):
    words = ["model=minilm_3", "trainer.max_epochs=7"]
    main(["train", *words, "--help"])
    ours = capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["sentiment train", *words, "--help"])
    with pytest.raises(SystemExit):
        hydra.main(version_base=VERSION_BASE, config_path=str(bundled("conf")), config_name="train")(len)()
    assert ours == capsys.readouterr().out
    assert "\nmodel: base, " in ours


def test_train_py_is_the_same_command():
    done = subprocess.run(
        [sys.executable, str(ROOT / "train.py"), "--cfg", "job", "model.lr=2e-5"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "lr: 2.0e-05" in done.stdout


def test_a_mistyped_command_names_the_nearest(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["pakage"])
    assert caught.value.code == 2
    assert "unknown command 'pakage'; did you mean package?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["serve", "--cfg", "job"],
        *(
            pytest.param(words.split(), marks=pytest.mark.slow)
            for words in ("--version", "train --help", "deploy --help", "train --info")
        ),
    ],
    ids=" ".join,
)
def test_output_that_nobody_reads_ends_a_command_without_a_message(arguments):
    """As behind `| head`."""
    reader, output = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "sentiment", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=output, stderr=subprocess.PIPE, text=True)
    os.close(output)
    assert (done.returncode, done.stderr) == (1, "")


def test_a_command_closes_the_client_that_its_config_makes(tmp_path, monkeypatch):
    closed = []
    monkeypatch.setattr(Client, "close", lambda client: closed.append(client))
    [port] = free_ports(1)
    source = write_csv(tmp_path / "in.csv", [("good",)], header=("text",))
    words = [f"input={source}", f"output={tmp_path / 'out.csv'}", "engine=rest", "engine.pauses=[]"]
    with pytest.raises(SystemExit):
        main(["predict", *words, f"server=http://127.0.0.1:{port}"])
    assert [client.url for client in closed] == [f"http://127.0.0.1:{port}"]
