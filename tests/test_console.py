import contextlib
import os
import pty
import re
import signal
import sys
import threading
from types import SimpleNamespace

import pytest
import torch

from sentiment.console import uninterrupted
from sentiment.training.callbacks import ProgressBar


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_until_the_block_is_done(number):
    done = []
    before = signal.getsignal(number)

    def work():
        with uninterrupted():
            os.kill(os.getpid(), number)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all of it"]
    assert signal.getsignal(number) is before


def test_a_failure_in_the_block_is_not_hidden_by_a_signal():
    def fail():
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()


def test_other_threads_may_use_it():
    done = []

    def work():
        with uninterrupted():
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]


def recorded(pid, terminal):
    """All that a process writes to its terminal."""
    parts = []
    with contextlib.suppress(OSError):  # Linux reports the end of the process so
        while part := os.read(terminal, 65536):
            parts.append(part)
    _, status = os.waitpid(pid, 0)
    return b"".join(parts).decode(), status


PROGRAM = """
import logging, sys, types
from rich.progress import Progress
from sentiment.console import StderrHandler
logging.basicConfig(handlers=[StderrHandler()], format="%(message)s", level="INFO")
with Progress() as bar:
    task = bar.add_task("epoch 1 of 2", total=2)
    for i in (1, 2):
        bar.advance(task); bar.refresh(); logging.info("line %d", i)
"""


def test_a_line_of_the_log_stands_above_the_bar_and_never_at_its_end():
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM])
    written, status = recorded(pid, terminal)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
    assert status == 0, plain
    for line in ("line 1", "line 2"):
        assert re.search(rf"(^|[\r\n]){line}\r\n", plain), repr(plain)


def test_lines_go_to_a_file_though_the_bar_is_on_a_terminal(tmp_path):
    pid, terminal = pty.fork()
    if pid == 0:
        os.dup2(os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT), 2)
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM])
    written, status = recorded(pid, terminal)
    assert (status, "line" in written) == (0, False)
    assert (tmp_path / "log").read_text() == "line 1\nline 2\n"


def test_the_bar_counts_epochs_from_1():
    bar = ProgressBar()
    bar._trainer = SimpleNamespace(max_epochs=3, sanity_checking=False)
    assert bar._get_train_description(0).strip() == "epoch 1 of 3"
    bar._trainer.max_epochs = -1
    assert bar._get_train_description(2).strip() == "epoch 3"


def test_the_bar_reads_the_loss_once_a_second(monkeypatch):
    now = 10.0
    monkeypatch.setattr("sentiment.training.callbacks.time.monotonic", lambda: now)
    bar = ProgressBar()
    trainer = SimpleNamespace(callback_metrics={})
    assert bar.get_metrics(trainer, None) == {}
    shown = []
    for loss, passed in ((0.5, 0.0), (0.4, 0.9), (0.3, 0.2)):
        now += passed
        trainer.callback_metrics["train/loss"] = torch.tensor(loss)
        shown.append(round(bar.get_metrics(trainer, None)["train/loss"], 4))
    assert shown == [0.5, 0.5, 0.3]


def test_a_run_begins_with_what_was_overridden_and_not_with_its_whole_config(train_tiny, capsys):
    run = train_tiny("brief", "trainer.max_epochs=1")
    lines = capsys.readouterr().out.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("overrides "))
    end = next(i for i, line in enumerate(lines) if line.startswith("afterwards "))
    assert "trainer.max_epochs=1" in " ".join(lines[start:end])
    assert len([line for line in lines[start : end + 1] if line[:1].strip()]) == 9
    assert not any("_target_" in line for line in lines)
    assert "_target_" in (run / ".hydra" / "config.yaml").read_text()


@pytest.mark.slow
def test_verbose_prints_the_whole_config(train_tiny, capsys):
    train_tiny("verbose", "trainer.max_epochs=1", flags=["-v"])
    assert "_target_: sentiment.training.model.SentimentClassifier" in capsys.readouterr().out
