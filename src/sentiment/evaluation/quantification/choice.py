"""Choice of an estimator by its errors on held-out groups and on simulated shifts."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sentiment.evaluation.quantification.chosen import Choice, Choices, Fitted
from sentiment.evaluation.quantification.errors import absolute_error, divergence, earth_movers_distance
from sentiment.evaluation.quantification.estimators import ESTIMATORS, Method, disagreement, estimate, shift_of
from sentiment.evaluation.quantification.intervals import fit_spread
from sentiment.evaluation.quantification.methods import COUNTS, FAR, METHODS, SERVED, described
from sentiment.evaluation.quantification.rates import Floats, Rates
from sentiment.evaluation.quantification.simulation import Bag, bags

FEWEST_TEXTS = 100
MANY_GROUPS = 20  # of the data, to judge by them alone
LEAST_LEAD = 0.002  # of share; a smaller gain is not worth a correction
ILL_CONDITIONED = 100.0  # condition number, from where the inverse of the rates is noise
WHERE = {"group": "held-out groups", "shift": "simulated shifts", "texts": "simulated shifts of the texts"}


def choose(
    probabilities: Floats,
    targets: Floats,
    groups: Sequence[Any] | None,
    prior: Floats,
    *,
    natural: bool = False,
    only: Method | None = None,
    values: Sequence[float] | None = None,
    answers: Floats = None,
    mixes: Floats = None,
) -> Choices:
    """Choose the estimator with the smallest error, smoothed counts unless one is clearly better.

    Clearly: by more than LEAST_LEAD and one standard error of the difference over the test sets (the
    one-standard-error rule of Breiman, Friedman, Olshen and Stone 1984). On a scale, where labels stand for `values`,
    the error is the earth mover's distance: a near label is nearly right.
    """
    if groups is None or len(targets) < FEWEST_TEXTS:
        reason = f"{len(targets)} labelled texts are too few to compare estimators (at least {FEWEST_TEXTS})"
        return Choices(Choice(COUNTS, reason))
    drawn = list(bags(probabilities, targets, groups, prior, natural=natural, answers=answers, mixes=mixes, texts=True))
    if not drawn:
        return Choices(Choice(COUNTS, "all labelled texts are in one group, so none can be held out"))
    tested = [bag for bag in drawn if bag.kind != "texts"]
    estimates = candidates(tested)
    measured = {method: measures(tested, found, values) for method, found in estimates.items()}
    errors = {
        method: found["earth_movers_distance" if values else "absolute_error"] for method, found in measured.items()
    }
    reach = values[-1] - values[0] if values else None
    judged = judges(tested, natural=natural)
    chosen, reason = (
        (only, "it was asked for")
        if only
        else decide(
            {method: found[judged] for method, found in errors.items()}, [tested[i] for i in judged], reach=reach
        )
    )
    table = {str(method): summary(tested, found) for method, found in measured.items()}
    choice = Choice(chosen, reason, table)
    apart = ((estimates[Method("em")] - estimates[Method("mean_probability")]) ** 2).sum(axis=1)  # see `disagreement`
    invertible = np.linalg.cond(Rates.of(probabilities, targets, prior).soft) < ILL_CONDITIONED
    served, _ = decide({method: errors[method] for method in SERVED if invertible or not method.base}, tested)
    return Choices(
        choice,
        fit_spread(tested, estimates[chosen], apart),
        Fitted(served, fit_spread(tested, estimates[served], 0 * apart)),
        choose_far([bag for bag in drawn if bag.kind == "texts"], values),
    )


def choose_far(tested: Sequence[Bag], values: Sequence[float] | None) -> Fitted:
    """Choose the estimator among FAR for texts unlike the labelled ones, from simulated shifts of the texts."""
    estimates = {m: np.array([estimate(m, bag.predictions, bag.rates) for bag in tested]) for m in FAR}
    measure = "earth_movers_distance" if values else "absolute_error"
    errors = {method: measures(tested, found, values)[measure] for method, found in estimates.items()}
    chosen, reason = decide(errors, tested, reach=values[-1] - values[0] if values else None)
    doubts = np.array([disagreement(bag.predictions, bag.rates) for bag in tested])
    return Fitted(chosen, fit_spread(tested, estimates[chosen], doubts), reason)


def judges(tested: Sequence[Bag], *, natural: bool) -> list[int]:
    """Return the bags that decide: all of them, or the held-out groups alone where the data names many.

    Their mixes differ as those of the texts to come. A simulated shift keeps the texts of each label as they are, which
    is all that a correction asks for: it is no judge where real shifts can be seen.
    """
    groups = [i for i, bag in enumerate(tested) if bag.kind == "group"]
    return groups if natural and len(groups) >= MANY_GROUPS else list(range(len(tested)))


def decide(errors: dict[Method, Floats], tested: Sequence[Bag], *, reach: float | None = None) -> tuple[Method, str]:
    """Return the method to use and the reason, from the (bags,) errors of each method.

    Args:
        errors: Absolute errors; with `reach`, earth mover's distances.
        tested: The bags.
        reach: Distance between the ends of the scale.
    """
    kinds = np.array([bag.kind for bag in tested])
    scores = {method: score(error, kinds) for method, error in errors.items()}
    best = min(scores, key=lambda method: scores[method])
    lead, doubt = paired(errors[COUNTS] - errors[best], tested)
    chosen = best if lead > max(doubt, LEAST_LEAD * (reach or 1)) else COUNTS
    where = " and ".join(WHERE[kind] for kind in np.unique(kinds))
    return chosen, reason_for(chosen, best, scores, lead, doubt, where=where, scale=reach is not None)


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


def measures(tested: Sequence[Bag], estimates: Floats, values: Sequence[float] | None) -> dict[str, Floats]:
    """Return the errors of the estimates for each bag, by the name of the measure."""
    true = np.array([bag.shares for bag in tested])
    texts = np.array([bag.predictions.n for bag in tested])
    found = {"absolute_error": absolute_error(true, estimates), "divergence": divergence(true, estimates, texts)}
    return found | ({"earth_movers_distance": earth_movers_distance(true, estimates, values)} if values else {})


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


def summary(tested: Sequence[Bag], errors: dict[str, Floats]) -> dict[str, float]:
    """Average each measure over the groups and over the shifts."""
    kinds = np.array([bag.kind for bag in tested])
    return {
        f"{measure}_{kind}s": round(float(values[kinds == kind].mean()), 5)
        for kind in ("group", "shift")
        for measure, values in errors.items()
        if (kinds == kind).any()
    }


def reason_for(
    chosen: Method, best: Method, scores: dict[Method, float], lead: float, doubt: float, *, where: str, scale: bool
) -> str:
    def amount(value: float) -> str:
        return f"{value:.3f}" if scale else f"{100 * value:.1f}"

    unit, points = (" on the scale (earth mover's distance)", "") if scale else (" points of share", " points")
    base = f"counting the predicted labels errs by {amount(scores[COUNTS])}{unit}"
    if best == COUNTS:
        return f"nothing beats it: {base}, the others by more"
    other = f"{described(best)} by {amount(scores[best])}"
    close = f"a lead of {amount(lead)}{points}, standard error {amount(doubt)}"
    if chosen == COUNTS:
        return f"nothing clearly beats it: {base}, {other} ({close})"
    return f"it errs least on {where}: {other}, while {base} ({close})"
