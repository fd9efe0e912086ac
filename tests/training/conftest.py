"""Runs that are stopped at a step of theirs, and resumed."""

import importlib
import os
from pathlib import Path

import pytest

from sentiment.cli import main


@pytest.fixture
def stop_at(monkeypatch):
    """Send this process a signal as a function is called for the nth time."""

    def stop_at(dotted, nth, *numbers):
        parts = dotted.split(".")
        owner = importlib.import_module(".".join(parts[:2]))
        for part in parts[2:-1]:
            owner = getattr(owner, part)
        original, calls = getattr(owner, parts[-1]), []

        def stopping(*args, **kwargs):
            calls.append(1)
            if len(calls) == nth:
                for number in numbers:
                    os.kill(os.getpid(), number)
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, parts[-1], stopping)

    return stop_at


@pytest.fixture
def stopped(capfd, monkeypatch):
    """Run what is to be stopped with status 130, and return the last line that it prints."""

    def stopped(start, *args):
        with pytest.raises(SystemExit) as caught:
            start(*args)
        assert caught.value.code == 130
        monkeypatch.undo()
        return capfd.readouterr().err.strip().splitlines()[-1]

    return stopped


def resumed(error):
    """Resume a run as the line that it was stopped with says, and return its folder."""
    resume = error.partition("go on with: sentiment train ")[2]
    assert resume.startswith("resume=")
    main(["train", resume])
    return Path(resume.removeprefix("resume="))


def assert_same_export(run, other):
    for name in ("export/model.safetensors", "metrics.json"):
        assert (run / name).read_bytes() == (other / name).read_bytes()
