"""Optuna sweeper with the config keys of hydra-optuna-sweeper."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt, Le
from hydra.core.override_parser.types import Override
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from sentiment import run_dir as runs
from sentiment.config import extras
from sentiment.config.renamed import ADDED, current_key
from sentiment.errors import ConfigError, SentimentError
from sentiment.evaluation.study_storage import readable
from sentiment.files import write_text
from sentiment.training.sweeps.base import Direction, FolderSweeper
from sentiment.training.sweeps.space import probes, split_overrides

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

log = logging.getLogger(__name__)


class OptunaSweeper(FolderSweeper):
    """Sweeper whose trials Optuna proposes; its only state is the study in `storage` and the trial folders.

    An interrupted trial resumes with its number, parameters and folder. The sampler of each trial is seeded by
    `sampler.seed` and the trial's number, so an interrupted search proposes what an uninterrupted one would.

    Args:
        n_trials: the number of finished and pruned trials that the study is to have.
        n_jobs: trials launched together.
        max_failure_rate: the share of failed trials above which the sweep stops.
    """

    def __init__(
        self,
        *,
        sampler: DictConfig,
        storage: str,
        study_name: str = "sweep",
        direction: Direction = "maximize",
        n_trials: Annotated[int, Gt(0)] = 20,
        n_jobs: Annotated[int, Gt(0)] = 1,
        max_failure_rate: Annotated[float, Ge(0), Le(1)] = 0.0,
        score_best: bool = False,
        params: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(direction=direction, score_best=score_best, params=params)
        self.sampler, self.storage, self.study_name = sampler, storage, study_name
        self.n_trials, self.n_jobs, self.max_failure_rate = n_trials, n_jobs, max_failure_rate

    def run(self, overrides: Mapping[str, Override]) -> None:
        extras.require("hydra/sweeper=optuna", ["optuna"])
        if self.config.after_training.test:
            raise ConfigError(
                "after_training.test=true: a search never looks at the test split; use hydra.sweeper.score_best=true"
            )
        fixed, space = split_overrides(overrides)
        if not space:
            raise ConfigError("nothing to search; give a key some values, such as 'model.lr=interval(1e-5,1e-4)'")
        for probe in probes(space):
            self.check("0", [*fixed, *arguments(probe)])
        study = self.study(fixed)
        for batch in self.batches(study, space):
            trials = {str(trial.number): [*fixed, *arguments(trial.params)] for trial in batch}
            for number, end in self.launch(trials).items():
                with readable(self.storage):
                    self.tell(study, int(number), end)
        self.write_results(study)

    def study(self, fixed: Sequence[str]) -> "Study":
        """Create or open the study of this sweep.

        Raises:
            ConfigError: the study was created with other fixed overrides, or its database cannot be used.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with readable(self.storage):
            study = optuna.create_study(
                study_name=self.study_name, storage=self.storage, direction=self.direction, load_if_exists=True
            )
        former = study.user_attrs.get("fixed")
        kept = {f"{key}={value}" for key, value in ADDED.items()}  # of a study that an earlier release began
        if former is not None and runs.settings(former) | kept != runs.settings(fixed) | kept:
            raise ConfigError(
                f"{self.folder} searches with {' '.join(former)}; choose another run_name for other settings"
            )
        study.set_user_attr("fixed", list(fixed))
        return study

    def batches(self, study: "Study", space: "dict[str, BaseDistribution]") -> Iterator[list["FrozenTrial"]]:
        """Yield the trials to run, up to `n_jobs` at a time: first those interrupted earlier, then new ones."""
        from optuna.trial import TrialState

        left = study.get_trials(states=[TrialState.RUNNING])
        missing = self.n_trials - len(study.get_trials(states=[TrialState.COMPLETE, TrialState.PRUNED]))
        log.info("%d of %d trials are done, %d were cut", self.n_trials - missing, self.n_trials, len(left))
        while missing > 0:
            batch = [left.pop(0) if left else self.ask(study, space) for _ in range(min(missing, self.n_jobs))]
            missing -= len(batch)
            yield batch

    def ask(self, study: "Study", space: "dict[str, BaseDistribution]") -> "FrozenTrial":
        from optuna.exceptions import ExperimentalWarning

        number = len(study.get_trials(deepcopy=False))
        seed = {"seed": self.sampler.seed + number} if self.sampler.get("seed") is not None else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.sampler = instantiate(self.sampler, **seed)
        trials = study.get_trials(deepcopy=False)
        names = {current_key(name): name for trial in trials for name in trial.params}  # a study keeps its own
        number = study.ask({names.get(key, key): one for key, one in space.items()}).number
        return study.get_trials()[number]

    def tell(self, study: "Study", number: int, end: runs.Outcome) -> None:
        from optuna.trial import TrialState

        if end.state == "finished":
            study.tell(number, runs.score(self.folder / str(number), self.metric))
            return
        study.tell(number, state=TrialState.PRUNED if end.state == "pruned" else TrialState.FAIL)
        ended = [trial.state for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
        if ended.count(TrialState.FAIL) / len(ended) > self.max_failure_rate:
            raise SentimentError(
                f"trial {number} failed: {end.reason}; allow some with hydra.sweeper.max_failure_rate=0.5"
            )

    def write_results(self, study: "Study") -> None:
        """Write optimization_results.yaml, with the keys of hydra-optuna-sweeper.

        Raises:
            SentimentError: no trial has finished.
        """
        if not self.finished():
            raise SentimentError(f"all {len(study.trials)} trials were pruned; choose a milder callbacks.prune.pruner")
        best = study.best_trial
        results = {"name": "optuna", "best_params": best.params, "best_value": best.value}
        results |= {"best_trial": best.number, "best_run": str(self.folder / str(best.number))}
        write_text(self.folder / "optimization_results.yaml", OmegaConf.to_yaml(OmegaConf.create(results)))


def arguments(parameters: Mapping[str, Any]) -> list[str]:
    return [f"{current_key(key)}={value}" for key, value in parameters.items()]
