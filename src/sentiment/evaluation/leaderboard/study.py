"""Figures of an Optuna study: optimization history and parameter importances."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from sentiment.errors import ConfigError
from sentiment.evaluation.report.style import GRID, SERIES, Figure, draw
from sentiment.evaluation.study_storage import readable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from optuna import Study

log = logging.getLogger(__name__)

FILE = "study.db"


def figures(folder: Path) -> list[Figure]:
    """Draw the figures of the study in a sweep folder; none without a study or without a finished trial."""
    if not (folder / FILE).is_file():
        return []
    import optuna
    from optuna.trial import TrialState

    storage = f"sqlite:///{folder / FILE}"
    try:
        with readable(storage):
            [name] = optuna.get_all_study_names(storage)
            study = optuna.load_study(study_name=name, storage=storage)
            if not study.get_trials(states=[TrialState.COMPLETE]):
                return []
    except ConfigError as error:
        log.warning("no figures of the search: %s", error)
        return []
    drawn = [history(study)]
    if weights := importances(study):
        drawn.append(importance(weights))
    return drawn


def history(study: "Study") -> Figure:
    """Plot the value of each trial and the best so far."""
    from optuna.study import StudyDirection
    from optuna.trial import TrialState

    better = max if study.direction == StudyDirection.MAXIMIZE else min
    done = [(t.number, t.value) for t in study.trials if t.state == TrialState.COMPLETE and t.value is not None]
    pruned = [(t.number, t.value) for t in study.trials if t.state == TrialState.PRUNED and t.value is not None]
    best = [better(value for _, value in done[: i + 1]) for i in range(len(done))]

    def paint(axes: "Axes") -> None:
        axes.step([number for number, _ in done], best, where="post", color=SERIES[0], label="best so far")
        axes.plot(*zip(*done, strict=True), "o", color=SERIES[0], markersize=5, label="finished")
        if pruned:
            axes.plot(*zip(*pruned, strict=True), "x", color=SERIES[1], markersize=6, label="pruned, at its last epoch")
        axes.set(xlabel="trial", ylabel="validation score")
        axes.legend(loc="best")

    return draw("history", "How the search went", "Each mark is one trial, in the order in which they ran.", paint)


def importances(study: "Study") -> dict[str, float]:
    """Compute each parameter's share of the score variance (fANOVA, Hutter et al. 2014); {} if all scores are equal."""
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    values = {trial.value for trial in study.get_trials(states=[TrialState.COMPLETE])}
    if len(values) < 2:
        return {}
    return get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))


def importance(weights: dict[str, float]) -> Figure:
    def paint(axes: "Axes") -> None:
        names, shares = list(weights)[::-1], list(weights.values())[::-1]
        axes.barh(names, shares, color=SERIES[0])
        axes.grid(visible=False, axis="y")
        axes.grid(color=GRID, axis="x")
        axes.set(xlabel="share of the variance of the score", xlim=(0, 1))

    text = "How much of the difference between trials each parameter explains, after a random forest fitted to them."
    return draw("importance", "Which parameters mattered", text, paint, fitted=True)
