"""Run directories: locking, the recorded config and overrides, results and outcome."""

import io
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sentiment.config.renamed import current_config, current_names, current_override, fill_added_keys
from sentiment.errors import ConfigError, DataError, ModelError
from sentiment.files import damaged, discard, locked, read_object, read_utf8, replacing, write_json, write_text
from sentiment.inference.checksums import SUMS, verify_files, write_checksums

State = Literal["finished", "pruned", "failed", "unfinished"]
BEHAVIOUR = "behaviour.json"
SUMMARY = "run_summary.json"
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


@contextmanager
def put_back_if_refused(folder: Path) -> Iterator[None]:
    """Put back what `start` changes of a run that is resumed, where it is refused before it trains on."""
    names = (*(f"{RECORD}/{name}.yaml" for name in ("config", "hydra", "overrides")), "outcome.json", SUMS)
    paths = [folder / name for name in (*names, "data_report.json")]
    before = {path: path.read_bytes() if path.is_file() else None for path in paths}
    last = folder / "checkpoints" / "last.ckpt"
    stamp = last.stat().st_mtime_ns if last.is_file() else None
    try:
        yield
    except (ConfigError, DataError, ModelError):
        if stamp is not None and last.is_file() and last.stat().st_mtime_ns == stamp:
            for path, content in before.items():
                if content is None:
                    path.unlink(missing_ok=True)
                else:
                    with replacing(path) as temporary:
                        temporary.write_bytes(content)
        raise


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
    return current if saved is None else [*current, *fill_added_keys(saved, current)]


def read_yaml(path: Path) -> Any:
    """Read YAML with the class paths of earlier releases updated. Raises DamagedFileError for what is no plain YAML."""
    text = current_names(read_utf8(path))
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise damaged(path, "it is no YAML: " + " ".join(str(error).split())) from error


def read_config(path: Path) -> DictConfig:
    """Read a config with the class paths of earlier releases updated. Raises DamagedFileError for any other file."""
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
    return [*current, *fill_added_keys(saved, current)]


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
        if path.name != RECORD:
            discard(path)


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
