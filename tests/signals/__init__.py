"""Signals that reach a command at a step that is counted, not timed: as it opens, renames or removes a file.

A test that sleeps and then kills finds the command ended on a fast machine, or not yet begun on a busy one.
"""

import os
import signal
from pathlib import Path


def at_step(number: signal.Signals, step: str, nth: int = 1) -> dict[str, str]:
    """Return the environment of a command that signals itself.

    Args:
        number: The signal.
        step: Pattern of an event of sys.audit and its paths, such as r"os\\.rename .*/last\\.ckpt"; the event comes
            before its step.
        nth: Which of those steps.
    """
    path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path), "SIGNAL_AT": f"{number:d} {nth} {step}"}
