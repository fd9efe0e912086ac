"""Checkpoint that a run starts from: none, or the one to resume, if it is intact."""

import logging
import pickle
import zipfile
import zlib
from pathlib import Path

from sentiment.errors import ConfigError, ModelError
from sentiment.shell import as_typed, for_shell

log = logging.getLogger(__name__)

LAST = Path("checkpoints", "last.ckpt")
BEST = Path("checkpoints", "best.ckpt")
WANTED = ("state_dict", "epoch", "global_step", "optimizer_states", "loops")  # checkpoint keys needed to resume


def checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints that `resume=` can start from: last.ckpt, then best.ckpt, if they exist."""
    return [path for path in (folder / LAST, folder / BEST) if path.is_file()]


def how_to_go_on(folder: Path) -> str:
    """Return the hint at the end of a message about a stopped run."""
    if checkpoints(folder):
        return f"go on with: sentiment train {for_shell('resume', as_typed(folder))}"
    return "it has no checkpoint yet, start it again"


def starting_point(folder: Path, *, resume: bool) -> Path | None:
    """Return the checkpoint to resume from; None for a fresh start.

    Raises:
        ConfigError: A fresh start would overwrite a run, or there is no run to resume.
        ModelError: A checkpoint is damaged. All are checked, since the best one is loaded at the end of training.
    """
    found = checkpoints(folder)
    if resume and not found:
        raise ConfigError(f"resume={folder}: there is no {folder / LAST}; the run has no checkpoint, start it afresh")
    if not resume and found:
        raise ConfigError(
            f"{folder} already holds a run; choose another run_name, or go on with {for_shell('resume', folder)}"
        )
    if not resume:
        return None
    for path in found:
        if reason := checkpoint_damage(path):
            raise ModelError(f"{path} is damaged: {reason}; restore it, or start the run afresh with another run_name")
    if found[0].name != LAST.name:
        log.warning("there is no %s; going on from %s, which validated best so far", folder / LAST, found[0])
    return found[0]


def checkpoint_damage(path: Path) -> str | None:
    """Describe the damage of a checkpoint; None if it is intact.

    The CRCs of the zip archive are verified, because torch.load does not detect flipped bytes.
    """
    import torch

    try:
        with zipfile.ZipFile(path) as zipped:
            if bad := zipped.testzip():
                return f"{bad} in it is not what was written"
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError:
        return "it holds more than tensors and plain values, which may run code"
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError, KeyError) as error:
        return f"it is cut short or no checkpoint ({next(iter(str(error).splitlines()), type(error).__name__)})"
    missing = [key for key in WANTED if not isinstance(saved, dict) or key not in saved]
    return f"it has no {missing[0]}, as checkpoints of a training run have" if missing else None
