"""Promotion criteria of a new version: pure decisions over measured values."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Gt, Le

from sentiment.evaluation.behaviour import Outcome, worse
from sentiment.inference.multilabel import overlap
from sentiment.inference.tasks import SINGLE, Decoding
from sentiment.inference.types import Label, Model, Prediction, list_labels, names_of

SINGLE_TASK = {"kind": SINGLE.kind}  # of a model that names none
Share = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Thresholds for promoting a version.

    Attributes:
        min_agreement: Smallest fraction of texts that get the same label as from the exported model.
        max_difference: Largest absolute difference of a probability from the exported model's.
        max_drop: Largest drop in accuracy from the default version; None: not checked.
        max_behaviour_failures: Largest failure rate of a capability of the behaviour tests, one for all or by name;
            None: any. A capability at which the default version fails less, beyond chance, is refused in any case.
        max_p95_ms: Largest 95th percentile of the latency of single texts, in milliseconds.
        same_answers: The task, the labels and the reading of aspects are those of the default version, whose clients
            go on; False puts a version of another kind in its place.
    """

    min_agreement: Annotated[float, Ge(0), Le(1)] = 0.99
    max_difference: Annotated[float, Ge(0), Le(1)] = 0.01
    max_drop: Annotated[float, Ge(0), Le(1)] | None = 0.01
    max_behaviour_failures: Share | dict[str, Share] | None = None
    max_p95_ms: Annotated[float, Gt(0)] = 250.0
    same_answers: bool = True

    def allowed_failures(self, capability: str) -> float | None:
        """Return the largest failure rate of a capability; None: any."""
        allowed = self.max_behaviour_failures
        return allowed.get(capability) if isinstance(allowed, Mapping) else allowed


@dataclass(frozen=True, slots=True)
class Evidence:
    texts: int
    agreement: float  # share of texts with the exported model's label; of several labels, mean Jaccard index
    difference: float  # largest absolute difference between their probabilities
    accuracy: float | None  # accuracy of the new version; None without golden labels
    accuracy_in_place: float | None  # accuracy of the default version on the same texts
    p95_ms: float  # latency of single texts sent one after another, 95th percentile
    behaviour: dict[str, "Failures"] = field(default_factory=dict)  # by capability
    changes: list[str] = field(default_factory=list)  # of requests and answers, from those of the default version


@dataclass(frozen=True, slots=True)
class Failures:
    """Behaviour tests of one capability."""

    rate: float
    rate_in_place: float | None  # of the default version
    worse: bool  # than the default version, beyond chance


def changes_of(now: Model, before: Model) -> list[str]:
    """Say what a version changes for the clients of the default one."""
    kinds = [(one.task or SINGLE_TASK)["kind"] for one in (now, before)]
    found = [] if kinds[0] == kinds[1] else [f"task={kinds[0]} instead of {kinds[1]}"]
    if now.labels != before.labels:
        found.append(f"the labels {list_labels(now.labels)} instead of {list_labels(before.labels)}")
    if before.aspects and not now.aspects:
        found.append("no aspects are read any more")
    if now.aspects and not before.aspects and not now.default_aspect:
        found.append("a text without an aspect is refused")
    return found


def compare_behaviour(now: Sequence[Outcome], before: Sequence[Outcome] | None) -> dict[str, Failures]:
    """Compare the behaviour tests of a version with those of the default one, if there is one."""
    if before is None:
        return {one.name: Failures(one.rate, None, worse=False) for one in now}
    fallen = {one.name for one, _ in worse(now, before)}
    pairs = zip(now, before, strict=True)
    return {one.name: Failures(one.rate, other.rate, one.name in fallen) for one, other in pairs}


def measure_candidate(
    *,
    served: Sequence[Prediction],
    exported: Sequence[Prediction],
    in_place: Sequence[Prediction] | None,
    labels: Sequence[Label] | None,
    seconds: Sequence[float],
    decoding: Decoding = SINGLE,
) -> Evidence:
    """Compute the evidence from predictions of the same texts.

    Args:
        served: Predictions of the new version on the server.
        exported: Predictions of the exported model in this process.
        in_place: Predictions of the default version, if there is one.
        labels: Golden labels, if there are any.
        seconds: Latencies of single texts, at least two.
        decoding: The kind of label; on a scale, a near label counts as nearly right.
    """
    pairs, known = list(zip(served, exported, strict=True)), list(exported[0].probabilities)
    return Evidence(
        texts=len(pairs),
        agreement=share([overlap(one.answer, other.answer) for one, other in pairs]),
        difference=max(difference(one, other) for one, other in pairs),
        accuracy=accuracy(served, labels, decoding, known),
        accuracy_in_place=accuracy(in_place, labels, decoding, known),
        p95_ms=1000 * statistics.quantiles(seconds, n=20, method="inclusive")[-1],
    )


def violations(evidence: Evidence, limits: Limits) -> list[str]:
    """List the limits that a version violates; empty if it may be promoted."""
    found = []
    if limits.same_answers and evidence.changes:
        found.append(f"its clients would meet {'; '.join(evidence.changes)} (same_answers)")
    if evidence.agreement < limits.min_agreement:
        found.append(
            f"it gives the label of the exported model to {evidence.agreement:.1%} of {evidence.texts} texts, "
            f"wanted {limits.min_agreement:.1%} (min_agreement)"
        )
    if evidence.difference > limits.max_difference:
        found.append(
            f"a probability differs by {evidence.difference:.4f} from the exported model's, "
            f"allowed {limits.max_difference:.4f} (max_difference)"
        )
    if limits.max_drop is not None and evidence.accuracy is not None and evidence.accuracy_in_place is not None:
        drop = evidence.accuracy_in_place - evidence.accuracy
        if drop > limits.max_drop:
            found.append(
                f"its accuracy is {evidence.accuracy:.4f}, that of the version in place "
                f"{evidence.accuracy_in_place:.4f}, allowed drop {limits.max_drop:.4f} (max_drop)"
            )
    found += behaviour_violations(evidence, limits)
    if evidence.p95_ms > limits.max_p95_ms:
        found.append(
            f"95 % of single texts take up to {evidence.p95_ms:.0f} ms, allowed {limits.max_p95_ms:.0f} ms (max_p95_ms)"
        )
    return found


def behaviour_violations(evidence: Evidence, limits: Limits) -> list[str]:
    found = []
    for name, failures in evidence.behaviour.items():
        allowed = limits.allowed_failures(name)
        if allowed is not None and failures.rate > allowed:
            found.append(
                f"it fails {failures.rate:.1%} of the behaviour tests of {name}, allowed {allowed:.1%} "
                "(max_behaviour_failures)"
            )
        if failures.worse:
            found.append(
                f"it fails {failures.rate:.1%} of the behaviour tests of {name}, the version in place "
                f"{failures.rate_in_place:.1%}, which is more than chance"
            )
    return found


def difference(one: Prediction, other: Prediction) -> float:
    """Return the largest absolute difference between two predictions' probabilities; 1 if their label sets differ."""
    if one.probabilities.keys() != other.probabilities.keys():
        return 1.0
    return max(abs(value - other.probabilities[label]) for label, value in one.probabilities.items())


def accuracy(
    predictions: Sequence[Prediction] | None,
    labels: Sequence[Label] | None,
    decoding: Decoding,
    known: Sequence[str],
) -> float | None:
    """Return the mean credit of the predictions: the accuracy; on a scale a near label counts as nearly right.

    `known` are the labels that `decoding` is of.
    """
    if predictions is None or labels is None:
        return None
    return share([credit(decoding, known, one, label) for one, label in zip(predictions, labels, strict=True)])


def credit(decoding: Decoding, known: Sequence[str], prediction: Prediction, label: Label) -> float:
    """Return how right a prediction is; of a version with other labels, 1 for the very label and else 0.

    Of several labels it is the Jaccard index.
    """
    own = list(prediction.probabilities)
    fits = decoding == SINGLE or (own == list(known) and set(names_of(label)) <= set(known))
    return decoding.credit(known, prediction.answer, label) if fits else overlap(prediction.answer, label)


def share(hits: Sequence[float]) -> float:
    return sum(hits) / len(hits)


def next_version(taken: Sequence[float]) -> str:
    """Return the next whole number above all existing versions, as "3.0"."""
    return f"{int(max(taken, default=0.0)) + 1}.0"
