"""Signals that reach a command at a step that is counted, not timed: as it opens, renames or removes a file.

A test that sleeps and then kills finds the command ended on a fast machine, or not yet begun on a busy one.
"""

import os
import signal
from pathlib import Path


def at_step(number: signal.Signals, step: str, nth: int = 1, *, target: str = "itself") -> dict[str, str]:
    """Return the environment of a command that signals itself at a step of its own or of a child.

    Args:
        number: The signal.
        step: Pattern of an event of sys.audit and its paths, such as r"os\\.rename .*/last\\.ckpt"; the event comes
            before its step.
        nth: Which of those steps.
        target: "parent" for a step of a child, which then waits until its parent has passed the signal on.
    """
    path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(path), "SIGNAL_AT": f"{number:d} {target} {nth} {step}"}
