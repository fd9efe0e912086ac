"""The runs below a folder, as they tell of themselves."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sentiment import runs
from sentiment.files import read_json_if_any

NAMES = {"run_name", "resume", "seed", "test", "hparams_search"}  # keys that are no setting of the numbers


@dataclass(frozen=True)
class Trial:
    folder: Path
    overrides: list[str]
    outcome: runs.Outcome = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "outcome", runs.outcome(self.folder))

    @cached_property
    def config(self) -> Any:
        return OmegaConf.load(self.folder / runs.RECORD / "config.yaml")

    @cached_property
    def choices(self) -> dict[str, str]:
        """The option of each config group."""
        hydra: Any = OmegaConf.load(self.folder / runs.RECORD / "hydra.yaml")
        return dict(hydra.hydra.runtime.choices)

    @cached_property
    def summary(self) -> dict[str, Any]:
        return read(self.folder / "run_summary.json")

    def score(self, split: str, metric: str) -> float | None:
        """A finished run's score; that of the test split also where only the best run of a sweep was given one."""
        value = self.scores(split).get(metric) if self.outcome.state == "finished" else None
        return None if value is None else float(value)

    def scores(self, split: str) -> dict[str, Any]:
        own, later = (read(self.folder / path / "metrics.json") for path in ("", Path("evaluation", split)))
        return dict(own.get(split) or later.get(split) or {})

    def value(self, key: str) -> str:
        """What `key` was in this run, whether overridden or not; "" where it has no such key."""
        if key in self.choices:
            return str(self.choices[key])
        value = OmegaConf.select(self.config, key)
        if isinstance(value, DictConfig):
            return json.dumps(OmegaConf.to_container(value))
        return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)


def read(path: Path) -> dict[str, Any]:
    return read_json_if_any(path) or {}


def find(folder: Path) -> list[Trial]:
    """Every run at or below `folder`, in the order of their names, numbers as numbers."""
    found = [path.parent.parent for path in folder.rglob(f"{runs.RECORD}/overrides.yaml")]
    trials = [
        Trial(path, runs.overrides(path) or []) for path in found if (path / runs.RECORD / "hydra.yaml").is_file()
    ]
    return sorted(trials, key=lambda trial: [part.zfill(9) for part in trial.folder.parts])


def keys(trials: Sequence[Trial]) -> list[str]:
    """The overridden keys whose values differ between the runs."""
    given = (override.lstrip("+~").partition("=")[0] for trial in trials for override in trial.overrides)
    wanted = [key for key in dict.fromkeys(given) if key not in NAMES and not key.startswith(("paths.", "hydra"))]
    return [key for key in wanted if len({trial.value(key) for trial in trials}) > 1]
