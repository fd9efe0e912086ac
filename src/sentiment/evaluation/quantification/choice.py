"""Choice of an estimator by its errors on held-out groups and on simulated shifts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from sentiment.evaluation.quantification.estimators import ESTIMATORS, Floats, Method, estimate, shift_of
from sentiment.evaluation.quantification.intervals import Spread, fit_spread
from sentiment.evaluation.quantification.simulation import Bag, bags

FEWEST_TEXTS = 100
LEAST_LEAD = 0.002  # of share; a smaller gain is not worth a correction
TAUS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # strengths of shrinkage
COUNTS = Method("counts")
METHODS = (
    *map(Method, ESTIMATORS),
    *(
        Method(name, base, tau)
        for name in ("adjusted_counts", "adjusted_probability", "em")
        for base in ("counts", "mean_probability")
        for tau in TAUS
    ),
)
WORDS = {
    "counts": "counting the predicted labels",
    "mean_probability": "averaging the probabilities",
    "adjusted_counts": "counts corrected by the confusion matrix",
    "adjusted_probability": "probabilities corrected by their means for each true label",
    "em": "expectation maximisation",
}


@dataclass(frozen=True)
class Choice:
    """An estimator, the reason for it, and the mean absolute errors of all candidates.

    Args:
        method: The estimator.
        reason: A sentence for the user.
        errors: Mean absolute error and Kullback-Leibler divergence by candidate, on groups and on shifts.
    """

    method: Method
    reason: str
    errors: dict[str, dict[str, float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self.method), "reason": self.reason, "errors": self.errors}


def choose(
    probabilities: Floats,
    targets: Floats,
    groups: Sequence[Any] | None,
    prior: Floats,
    *,
    natural: bool = False,
    only: Method | None = None,
) -> tuple[Choice, Spread | None]:
    """Choose the estimator with the smallest error, smoothed counts unless one is clearly better.

    Clearly: by more than LEAST_LEAD and one standard error of the difference over the test sets (the
    one-standard-error rule of Breiman, Friedman, Olshen and Stone 1984).

    Returns:
        The choice and the error model of its intervals; None where the texts are too few.
    """
    if groups is None or len(targets) < FEWEST_TEXTS:
        reason = f"{len(targets)} labelled texts are too few to compare estimators (at least {FEWEST_TEXTS})"
        return Choice(COUNTS, reason), None
    tested = list(bags(probabilities, targets, groups, prior, natural=natural))
    if not tested:
        return Choice(COUNTS, "all labelled texts are in one group, so none can be held out"), None
    estimates = candidates(tested)
    errors = {method: absolute(tested, found) for method, found in estimates.items()}
    kinds = np.array([bag.kind for bag in tested])
    chosen, reason = (only, "it was asked for") if only else decide(errors, tested)
    table = {str(method): summary(tested, found, errors[method], kinds) for method, found in estimates.items()}
    choice = Choice(chosen, reason, table)
    apart = estimates[Method("em")] - estimates[Method("mean_probability")]  # see `estimators.disagreement`
    return choice, fit_spread(tested, estimates[chosen], (apart**2).sum(axis=1))


def decide(errors: dict[Method, Floats], tested: Sequence[Bag]) -> tuple[Method, str]:
    """Return the method to use and the reason, from the (bags,) errors of each method."""
    kinds = np.array([bag.kind for bag in tested])
    scores = {method: score(error, kinds) for method, error in errors.items()}
    best = min(scores, key=lambda method: scores[method])
    lead, doubt = paired(errors[COUNTS] - errors[best], tested)
    chosen = best if lead > max(doubt, LEAST_LEAD) else COUNTS
    return chosen, reason_for(chosen, best, scores, lead, doubt)


def candidates(tested: Sequence[Bag]) -> dict[Method, Floats]:
    """Estimate the shares of every bag with every method, (bags, k) each."""
    alone = {
        name: np.array([estimate(Method(name), bag.predictions, bag.rates) for bag in tested]) for name in ESTIMATORS
    }
    shifts = np.array([shift_of(bag.predictions, bag.rates) for bag in tested])[:, None]
    return {
        method: method.combine(alone[method.name], alone[method.base], shifts) if method.base else alone[method.name]
        for method in METHODS
    }


def absolute(tested: Sequence[Bag], estimates: Floats) -> Floats:
    """Return the absolute error of each bag, averaged over the labels (AE of SemEval-2017 Task 4 D)."""
    return np.abs(estimates - np.array([bag.shares for bag in tested])).mean(axis=1)


def divergence(tested: Sequence[Bag], estimates: Floats) -> Floats:
    """Return the Kullback-Leibler divergence of the true from the estimated shares, both smoothed by 1 / (2 n)."""
    k = estimates.shape[1]
    epsilon = np.array([1 / (2 * bag.predictions.n) for bag in tested])[:, None]
    true = (np.array([bag.shares for bag in tested]) + epsilon) / (1 + k * epsilon)
    found = (estimates + epsilon) / (1 + k * epsilon)
    return (true * np.log(true / found)).sum(axis=1)


def score(errors: Floats, kinds: Floats) -> float:
    """Average the errors so that groups and shifts count alike."""
    return float(np.mean([errors[kinds == kind].mean() for kind in np.unique(kinds)]))


def paired(differences: Floats, tested: Sequence[Bag]) -> tuple[float, float]:
    """Return the balanced mean of paired differences and its standard error, each held-out group taken as one."""
    kinds = np.array([bag.kind for bag in tested])
    held = np.array([bag.group for bag in tested])
    means, variances = [], []
    for kind in np.unique(kinds):
        own = kinds == kind
        by_group = np.array([differences[own & (held == group)].mean() for group in np.unique(held[own])])
        means.append(by_group.mean())
        variances.append(by_group.var(ddof=1) / len(by_group) if len(by_group) > 1 else np.inf)
    return float(np.mean(means)), float(np.sqrt(np.sum(variances)) / len(means))


def summary(tested: Sequence[Bag], estimates: Floats, errors: Floats, kinds: Floats) -> dict[str, float]:
    divergences = divergence(tested, estimates)
    return {
        f"{measure}_{kind}s": round(float(values[kinds == kind].mean()), 5)
        for kind in ("group", "shift")
        for measure, values in (("absolute_error", errors), ("divergence", divergences))
        if (kinds == kind).any()
    }


def reason_for(chosen: Method, best: Method, scores: dict[Method, float], lead: float, doubt: float) -> str:
    base = f"counting the predicted labels errs by {100 * scores[COUNTS]:.1f} points of share"
    if best == COUNTS:
        return f"nothing beats it: {base}, the others by more"
    other = f"{described(best)} by {100 * scores[best]:.1f}"
    close = f"a lead of {100 * lead:.1f} points, standard error {100 * doubt:.1f}"
    if chosen == COUNTS:
        return f"nothing clearly beats it: {base}, {other} ({close})"
    return f"it errs least on held-out groups and simulated shifts: {other}, while {base} ({close})"


def described(method: Method) -> str:
    """Describe a method in words for the user."""
    if not method.base:
        return WORDS[method.name]
    return f"{WORDS[method.base]}, moved towards {WORDS[method.name]} the more the predictions differ from usual,"
