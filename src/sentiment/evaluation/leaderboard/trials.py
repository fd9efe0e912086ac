"""Runs below a folder, read from their saved configs and results."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sentiment import run_dir as runs
from sentiment.files import damaged

NAMES = {"run_name", "resume", "seed", "after_training.test", "hparams_search"}  # keys that are not settings to compare


@dataclass(frozen=True)
class Trial:
    folder: Path
    overrides: list[str]
    outcome: runs.Outcome = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "outcome", runs.outcome(self.folder))

    @cached_property
    def config(self) -> Any:
        return runs.saved_config(self.folder)

    @cached_property
    def choices(self) -> dict[str, str]:
        """Selected option of each config group."""
        path = self.folder / runs.RECORD / "hydra.yaml"
        choices = OmegaConf.select(runs.read_config(path), "hydra.runtime.choices")
        if not isinstance(choices, DictConfig):
            raise damaged(path, "it has no hydra.runtime.choices")
        return {str(key): str(value) for key, value in choices.items()}

    @cached_property
    def summary(self) -> dict[str, Any]:
        return read(self.folder, "run_summary.json")

    def score(self, split: str, metric: str) -> float | None:
        """Return a finished run's score on a split, else None.

        The test score may also stem from a later `sentiment evaluate`, as for the best run of a sweep.
        """
        value = self.scores(split).get(metric) if self.outcome.state == "finished" else None
        return None if value is None else float(value)

    def scores(self, split: str) -> dict[str, Any]:
        own, later = (read(self.folder, name) for name in ("metrics.json", f"evaluation/{split}/metrics.json"))
        return dict(own.get(split) or later.get(split) or {})

    def value(self, key: str) -> str:
        """Return the value of `key` in this run, overridden or not; "" if it has no such key."""
        if self.choices.get(key, "None") != "None":  # Hydra records no choice where it is a list of options
            return self.choices[key]
        if key in self.choices:
            return next((one.partition("=")[2] for one in reversed(self.overrides) if one.startswith(f"{key}=")), "")
        value = OmegaConf.select(self.config, key)
        if isinstance(value, DictConfig):
            return json.dumps(OmegaConf.to_container(value))
        return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def read(folder: Path, name: str) -> dict[str, Any]:
    return runs.read_result(folder, name) if (folder / name).is_file() else {}


def find(folder: Path) -> list[Trial]:
    """Find every run at or below `folder`, sorted by path with numbers in numeric order."""
    found = [path.parent.parent for path in folder.rglob(f"{runs.RECORD}/overrides.yaml")]
    trials = [
        Trial(path, runs.overrides(path) or []) for path in found if (path / runs.RECORD / "hydra.yaml").is_file()
    ]
    return sorted(trials, key=lambda trial: [part.zfill(9) for part in trial.folder.parts])


def keys(trials: Sequence[Trial]) -> list[str]:
    """Return the overridden keys whose values differ between the runs."""
    given = (override.lstrip("+~").partition("=")[0] for trial in trials for override in trial.overrides)
    wanted = [key for key in dict.fromkeys(given) if key not in NAMES and not key.startswith(("paths.", "hydra"))]
    return [key for key in wanted if len({trial.value(key) for trial in trials}) > 1]
