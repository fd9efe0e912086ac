"""A run directory seen from outside: held by one process, what it was started with, how it ended."""

import fcntl
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from omegaconf import DictConfig, OmegaConf

from sentiment.errors import ConfigError
from sentiment.files import read_json, write_json, write_text

log = logging.getLogger(__name__)

State = Literal["finished", "pruned", "failed", "unfinished"]
LAST = Path("checkpoints", "last.ckpt")
RECORD = ".hydra"  # the folder of what a run was started with, named and filled as Hydra does


@dataclass(frozen=True, slots=True)
class Outcome:
    state: State
    reason: str = ""


@contextmanager
def claimed(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Hold `folder` for this process until it ends, however it ends; ConfigError where another process holds it."""
    record = folder / RECORD
    record.mkdir(parents=True, exist_ok=True)
    with (record / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not wait:
                raise ConfigError(
                    f"another process works in {folder}; let it end, or choose another run_name"
                ) from error
            log.info("waiting for the process that works in %s", folder)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start(folder: Path, cfg: DictConfig, hydra: Any) -> None:
    """Record the composed config and the overrides; a former failure is forgotten."""
    (folder / "outcome.json").unlink(missing_ok=True)
    write_text(folder / RECORD / "config.yaml", OmegaConf.to_yaml(cfg))
    write_text(folder / RECORD / "hydra.yaml", OmegaConf.to_yaml(OmegaConf.create({"hydra": hydra})))
    write_text(folder / RECORD / "overrides.yaml", OmegaConf.to_yaml(hydra.overrides.task))


def overrides(folder: Path) -> list[str] | None:
    """What the run in `folder` was started with, in order; None where none was."""
    path = folder / RECORD / "overrides.yaml"
    return list(yaml.safe_load(path.read_text(encoding="utf-8"))) if path.is_file() else None


def settings(overrides: Sequence[str]) -> frozenset[str]:
    """Overrides as what they mean for the numbers of a run: without order and without its name."""
    return frozenset(override for override in overrides if not override.startswith("run_name="))


def sweep_overrides(folder: Path) -> list[str] | None:
    """What the sweep in `folder` was started with, Hydra's own keys too; None where none was."""
    path = folder / "multirun.yaml"
    if not path.is_file():
        return None
    given = OmegaConf.load(path).hydra.overrides
    return [*given.task, *(value for value in given.hydra if not value.startswith("hydra.mode="))]


def starting_point(folder: Path, *, resume: bool) -> Path | None:
    """The checkpoint to go on from, None for a fresh start; ConfigError where that would overwrite or find nothing."""
    last = folder / LAST
    if resume and not last.is_file():
        raise ConfigError(f"resume={folder}: there is no {last}; the run never reached a checkpoint, start it afresh")
    if not resume and last.is_file():
        raise ConfigError(f"{folder} already holds a run; choose another run_name, or go on with resume={folder}")
    return last if resume else None


def end(folder: Path, state: State, reason: str) -> None:
    write_json(folder / "outcome.json", {"state": state, "reason": reason})


def outcome(folder: Path) -> Outcome:
    """How the run in `folder` ended; a complete one is known by its metrics.json, which is written last."""
    if (folder / "metrics.json").is_file():
        return Outcome("finished")
    path = folder / "outcome.json"
    return Outcome(**read_json(path)) if path.is_file() else Outcome("unfinished")


def clear(folder: Path) -> None:
    """Remove what a run left that never reached a checkpoint, but for its record."""
    for path in folder.iterdir():
        if path.name == RECORD:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def score(folder: Path, metric: str) -> float:
    """A finished run's `metric` on the validation split."""
    scores: dict[str, Any] = read_json(folder / "metrics.json")["validation"]
    if metric not in scores:
        raise ConfigError(f"optimized_metric={metric}: a run has {', '.join(scores)}")
    return float(scores[metric])
