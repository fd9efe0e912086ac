"""Run directories: locking, the recorded config and overrides, checkpoints, results and outcome."""

import io
import logging
import os
import pickle
import shutil
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sentiment.config.overrides import for_shell
from sentiment.config.renamed import added, current_config, current_names, current_override
from sentiment.errors import ConfigError, ModelError
from sentiment.files import damaged, locked, read_object, read_utf8, write_json, write_text
from sentiment.inference.checksums import SUMS, verify_files, write_checksums

log = logging.getLogger(__name__)

State = Literal["finished", "pruned", "failed", "unfinished"]
LAST, BEST = Path("checkpoints", "last.ckpt"), Path("checkpoints", "best.ckpt")
WANTED = ("state_dict", "epoch", "global_step", "optimizer_states", "loops")  # checkpoint keys needed to resume
RECORD = ".hydra"  # folder of the config and overrides, named and laid out like Hydra's
LISTED = (  # listed in the SHA256SUMS of a finished run; not its config, in which users update data paths
    *(f"{name}.json" for name in ("metrics", "intervals", "calibration", "baseline", "run_summary", "data_report")),
    "predictions.csv",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished training run; where a path is expected, it stands for its folder.

    Args:
        folder: The run directory, outputs/<run>.
        scores: The metrics of each split, as in metrics.json: `scores["validation"]["accuracy"]`.

    Example:
        ```python
        run = Run.open("outputs/RUN")
        run.scores["validation"]["accuracy"]
        ```
    """

    folder: Path
    scores: Mapping[str, Mapping[str, float]]

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> "Run":
        """Read the scores of a finished run.

        Args:
            folder: A run directory.

        Returns:
            The run, as `train` returned it.

        Raises:
            ModelError: The folder holds no finished run, or its metrics.json is not the one that was written.
        """
        path = Path(folder)
        if not (path / "metrics.json").is_file():
            raise ModelError(f"{path} is no finished run: it has no metrics.json; name a run directory, outputs/<run>")
        return cls(path, read_result(path, "metrics.json"))

    def __fspath__(self) -> str:
        return str(self.folder)


@contextmanager
def claimed(folder: Path, *, wait: bool = False) -> Iterator[None]:
    """Lock `folder` for this process during the block.

    Args:
        folder: The run directory; created if missing.
        wait: Wait for another process that holds the lock.

    Raises:
        ConfigError: Another process holds the lock and `wait` is false.
    """
    busy = ConfigError(f"another process works in {folder}; let it end, or choose another run_name")
    with locked(folder / RECORD / "lock", busy=None if wait else busy):
        yield


def start(folder: Path, cfg: DictConfig, hydra: Any) -> None:
    """Record the composed config and the overrides; deletes the outcome and SHA256SUMS of an earlier attempt."""
    (folder / "outcome.json").unlink(missing_ok=True)
    (folder / SUMS).unlink(missing_ok=True)
    write_text(folder / RECORD / "config.yaml", OmegaConf.to_yaml(cfg))
    write_text(folder / RECORD / "hydra.yaml", OmegaConf.to_yaml(OmegaConf.create({"hydra": hydra})))
    write_text(folder / RECORD / "overrides.yaml", OmegaConf.to_yaml(hydra.overrides.task))


def overrides(folder: Path) -> list[str] | None:
    """Read the overrides a run was started with, in order, and those that keep it so; None if the folder has no run.

    Raises:
        DamagedFileError: The file is not a YAML list of strings.
    """
    path = folder / RECORD / "overrides.yaml"
    if not path.is_file():
        return None
    value = read_yaml(path)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise damaged(path, "expected a list of overrides")
    current = [current_override(one) for one in value]
    saved = saved_config(folder)
    return current if saved is None else [*current, *added(saved, current)]


def read_yaml(path: Path) -> Any:
    """Read a YAML file, with the class paths of earlier releases updated.

    Raises:
        DamagedFileError: The file is not plain YAML.
    """
    text = current_names(read_utf8(path))
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise damaged(path, "it is no YAML: " + " ".join(str(error).split())) from error


def read_config(path: Path) -> DictConfig:
    """Read a YAML config, with the class paths of earlier releases updated.

    Raises:
        DamagedFileError: The file is not a non-empty YAML mapping.
    """
    text = current_names(read_utf8(path))
    try:
        value = OmegaConf.load(io.StringIO(text))  # raises OSError for a bare scalar
    except (yaml.YAMLError, OmegaConfBaseException, OSError, ValueError, RecursionError) as error:
        raise damaged(path, "it is no YAML: " + " ".join(str(error).split())) from error
    if not isinstance(value, DictConfig) or not value:
        raise damaged(path, "it is empty" if not value else "expected a mapping of settings, got a list")
    return value


def saved_config(folder: Path) -> DictConfig | None:
    """Read the composed config of a run; None if the folder has no run."""
    path = folder / RECORD / "config.yaml"
    if not path.is_file():
        return None
    return current_config(read_config(path))


def list_results(folder: Path) -> None:
    """Write SHA256SUMS of the result files of a finished run; export/ has a separate one."""
    write_checksums(folder, LISTED)


def read_result(folder: Path, name: str) -> dict[str, Any]:
    """Read a JSON result file of a run.

    Raises:
        ModelError: The file does not match SHA256SUMS.
        DamagedFileError: The file does not contain a JSON object.
    """
    verify_files(folder, [name])
    return read_object(folder / name)


def settings(overrides: Sequence[str]) -> frozenset[str]:
    """Return the overrides that affect the results of a run, regardless of order: all but run_name."""
    return frozenset(current_override(one) for one in overrides if not one.startswith("run_name="))


def sweep_overrides(folder: Path) -> list[str] | None:
    """Read the overrides of a sweep, including those of Hydra's own keys; None if the folder has no sweep.

    Raises:
        DamagedFileError: multirun.yaml has no overrides.
    """
    path = folder / "multirun.yaml"
    if not path.is_file():
        return None
    saved = read_config(path)
    given = OmegaConf.select(saved, "hydra.overrides")
    if given is None or not {"task", "hydra"} <= set(given):
        raise damaged(path, "it has no hydra.overrides")
    kept = [*given.task, *(value for value in given.hydra if not value.startswith("hydra.mode="))]
    current = [current_override(one) for one in kept]
    return [*current, *added(saved, current)]


def check_name(name: object) -> None:
    """Check that run_name is a valid relative path below the outputs folder.

    Raises:
        ConfigError: It is empty, too long, absolute, has ".." or unprintable characters.
    """
    text = str(name)
    if name is None or not text.strip():
        raise ConfigError("run_name is empty: give a name, or leave run_name out for one made of date and time")
    parts = text.split("/")
    if text.startswith(("/", "~", "-")) or any(part in ("", ".", "..") for part in parts) or "\\" in text:
        raise ConfigError(
            f"run_name={text}: the run's folder is paths.output_dir/run_name; give a plain name, and the place with "
            "paths.output_dir=FOLDER"
        )
    if len(text) > 200 or any(not character.isprintable() for character in text):
        raise ConfigError(f"run_name={text!r}: give at most 200 printable characters")


def checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints that `resume=` can start from: last.ckpt, then best.ckpt, if they exist."""
    return [path for path in (folder / LAST, folder / BEST) if path.is_file()]


def how_to_go_on(folder: Path) -> str:
    """Return the hint at the end of a message about a stopped run."""
    if checkpoints(folder):
        return f"go on with: python train.py {for_shell('resume', os.path.relpath(folder))}"
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
            f"{folder} already holds a run; choose another run_name, or go on with {for_shell('resume', str(folder))}"
        )
    if not resume:
        return None
    for path in found:
        if reason := checkpoint_damage(path):
            raise ModelError(f"{path} is damaged: {reason}; restore it, or start the run afresh with another run_name")
    if found[0].name != LAST.name:
        log.warning("there is no %s; going on from %s, which validated best so far", folder / LAST, found[0])
    return found[0]


def end(folder: Path, state: State, reason: str) -> None:
    write_json(folder / "outcome.json", {"state": state, "reason": reason})


def outcome(folder: Path) -> Outcome:
    """Read how a run ended; metrics.json, written last, marks it as finished.

    Raises:
        DamagedFileError: outcome.json has an unknown state.
    """
    if (folder / "metrics.json").is_file():
        return Outcome("finished")
    path = folder / "outcome.json"
    if not path.is_file():
        return Outcome("unfinished")
    value = read_object(path)
    if value.get("state") not in get_args(State):
        raise damaged(path, f"its state is {value.get('state')!r}")
    return Outcome(value["state"], str(value.get("reason", "")))


def clear(folder: Path) -> None:
    """Remove everything in a run directory but its record, for a restart of a run without checkpoints."""
    for path in folder.iterdir():
        if path.name == RECORD:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def score(folder: Path, metric: str) -> float:
    """Read the validation score `metric` of a finished run.

    Raises:
        ConfigError: The run has no such metric.
        DamagedFileError: metrics.json has no validation scores.
    """
    scores = read_result(folder, "metrics.json").get("validation")
    if not isinstance(scores, dict):
        raise damaged(folder / "metrics.json", "it has no scores of the validation split")
    if metric not in scores:
        raise ConfigError(f"optimized_metric={metric}: a run has {', '.join(scores)}")
    return float(scores[metric])


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
