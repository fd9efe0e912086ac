"""Grid sweeper: every combination of the given values, each in a separate folder."""

import itertools
from collections.abc import Mapping, Sequence

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra.core.override_parser.types import Override

from sentiment import run_dir as runs
from sentiment.errors import ConfigError, SentimentError
from sentiment.training.sweeps.base import Direction, FolderSweeper


class GridSweeper(FolderSweeper):
    """Hydra's basic sweeper with persistent folders: a combination that already has a folder is resumed there."""

    def __init__(
        self, *, direction: Direction = "maximize", score_best: bool = False, params: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(direction=direction, score_best=score_best, params=params)

    def run(self, overrides: Mapping[str, Override]) -> None:
        trials = self.named(combinations(overrides))
        for name, trial in trials.items():
            self.check(name, trial)
        serial = isinstance(self.launcher, BasicLauncher)  # one trial per launch, so that Ctrl-C ends the sweep
        batches = [{name: trial} for name, trial in trials.items()] if serial else [trials]
        ends = {name: end for batch in batches for name, end in self.launch(batch).items()}
        failed = [f"{name}: {end.reason}" for name, end in ends.items() if end.state == "failed"]
        if failed:
            raise SentimentError(f"{len(failed)} of {len(trials)} trials failed; {failed[0]}")

    def named(self, trials: Sequence[Sequence[str]]) -> dict[str, Sequence[str]]:
        """Key each trial by the name of the folder that has its settings, or by a new name."""
        folders = [path for path in self.folder.iterdir() if path.name.isdigit()]
        known = {runs.settings(runs.overrides(path) or ()): path.name for path in folders}
        new = map(str, itertools.count(max((int(path.name) + 1 for path in folders), default=0)))
        return {known.get(runs.settings(trial)) or next(new): trial for trial in trials}


def combinations(overrides: Mapping[str, Override]) -> list[list[str]]:
    """Return the overrides of each trial, the first key varying slowest."""
    return [list(trial) for trial in itertools.product(*(values(key, one) for key, one in overrides.items()))]


def values(key: str, override: Override) -> list[str]:
    if override.is_discrete_sweep():
        return [f"{key}={value}" for value in override.sweep_string_iterator()]
    if override.is_sweep_override():
        raise ConfigError(f"{override.input_line}: a grid takes no interval; add hydra/sweeper=optuna")
    return [override.input_line or key]
