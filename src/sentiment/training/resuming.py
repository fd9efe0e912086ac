"""Checkpoint that a run starts from: none, or the one to resume, if it is intact."""

import json
import logging
import pickle
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sentiment.errors import ConfigError, ModelError
from sentiment.run_dir import saved_config
from sentiment.shell import as_typed, for_shell

log = logging.getLogger(__name__)

LAST = Path("checkpoints", "last.ckpt")
BEST = Path("checkpoints", "best.ckpt")
STEPS = ("trainer.accumulate_grad_batches", "trainer.limit_train_batches", "trainer.overfit_batches")  # of an epoch
KEPT = ("task._target_", "model", "data", "seed", "optimized_metric", "callbacks", *STEPS)  # what a resumed run keeps
FREE = (  # what may differ: how it is computed and shown, and where the rows are, which are compared themselves
    *("model.accelerate", "model.compile", "callbacks.progress", "callbacks.throughput"),
    *("data.cache_dir", "data.source", "data.hub", "data.hub_config", "data.revision"),
    *("data.dir", "data.texts", "data.train", "data.validation", "data.test"),
    *("data.separator", "data.encoding", "data.quoting", "data.columns", "data.window_step", "data.max_windows"),
)
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


def check_settings(folder: Path, cfg: DictConfig) -> None:
    """Raise ConfigError for a setting that a run which goes on cannot take: its checkpoint holds the former one.

    The optimizer's state brings its learning rate back, the best score so far is one of the former metric, a number of
    batches says which rows an epoch has left, and a number of steps where the learning rate's schedule is.
    """
    if (saved := saved_config(folder)) is None:
        return
    changed = [*differences(OmegaConf.to_container(saved), OmegaConf.to_container(cfg))]
    kept = [one for part in KEPT for one in changed if within(one[0], (part,)) and not within(one[0], FREE)]
    for key, before, now in kept[:1]:
        raise ConfigError(
            f"resume={folder}: the run was started with {key}={written(before)} and goes on with that, not with "
            f"{written(now)}; {instead(key, before, now, saved)}"
        )


def instead(key: str, before: Any, now: Any, saved: DictConfig) -> str:
    """Return what to do in place of a setting that is refused: for a smaller batch, steps of as many rows."""
    factor = before // now if key == "data.batch_size" and isinstance(now, int) and now > 0 else 0
    if factor < 2:
        return "leave it out, or start another run with run_name=NAME"
    whole = before % now == 0
    steps = factor * (OmegaConf.select(saved, "trainer.accumulate_grad_batches") or 1)
    return (
        "its checkpoint counts batches of that size. Where memory is short, start another run with run_name=NAME "
        f"data.batch_size={now} trainer.accumulate_grad_batches={steps}, whose steps are of "
        f"{'as many rows' if whole else f'{now * steps} rows'}, or go on where there is more memory"
    )


def differences(before: Any, now: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the keys that two configs both have, with their values where these differ, interpolations as written."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        if before != now:
            yield path, before, now
        return
    for key in now:
        if key in before:
            yield from differences(before[key], now[key], f"{path}.{key}" if path else str(key))


def within(key: str, parts: tuple[str, ...]) -> bool:
    return any(key == part or key.startswith(f"{part}.") for part in parts)


def written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


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
