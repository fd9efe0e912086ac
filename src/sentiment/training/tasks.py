"""Kinds of label, training half: label order, loss, and the decoding that is fitted and exported.

The decoding half lives in `sentiment.inference.tasks`; metrics name the tasks that they are defined for.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Literal

from annotated_types import Ge, Le

from sentiment.errors import ConfigError
from sentiment.evaluation import metrics
from sentiment.evaluation.scoring import Evaluation
from sentiment.evaluation.thresholds import best_thresholds, common_threshold
from sentiment.inference.exclusive import Decision, Link
from sentiment.inference.exclusive import Scale as ScaleDecoding
from sentiment.inference.multilabel import Multi as MultiDecoding
from sentiment.inference.scales import numbers_of
from sentiment.inference.tasks import SINGLE, Decoding
from sentiment.inference.types import list_labels
from sentiment.training.losses import BinaryCrossEntropy, CrossEntropy, Loss

ScaleDecision = Literal["auto", "prior_free_median", "median", "prior_free_argmax", "argmax"]
DECISIONS = ("prior_free_median", "median", "prior_free_argmax", "argmax")  # of equal ones the first is taken

LINKS = {  # link of a loss to what the loss is
    "softmax": "for texts of one label; set loss=binary_cross_entropy or loss=binary_focal",
    "corn": "for ordered labels; set task=scale",
    "ordered softmax": "for ordered labels; set task=scale, or loss=cross_entropy",
    "sigmoid": "for texts of several labels; set task=multi, or loss=cross_entropy",
}

log = logging.getLogger(__name__)


class Task:
    """Training half of a kind of label, by default of labels without an order. `config.task` names one."""

    kind: str
    links: tuple[str, ...]  # of the losses that train this kind of label

    def order(self, labels: Iterable[str]) -> list[str]:
        """Return the labels of the train split in the order of the logits."""
        return sorted(labels)

    def default_loss(self) -> Loss:
        """Return the loss of a model without `model.loss`."""
        return CrossEntropy()

    def check_loss(self, loss: Loss) -> None:
        """Raise ConfigError for a loss that trains another kind of label."""
        if loss.link not in ("", *self.links):
            wanted = LINKS.get(loss.link, f"a loss with link={loss.link}")
            raise ConfigError(f"model.loss: {type(loss).__name__} is {wanted}")

    def decoding(self, labels: Sequence[str], counts: Mapping[str, int], loss: Loss) -> Decoding:
        """Build the decoding by which epochs are compared, from the labels and their train rows."""
        raise NotImplementedError

    def fit(self, decoding: Decoding, validation: Evaluation, metric: str) -> Decoding:
        """Return the decoding to export, fitted on the calibrated validation predictions for `metric`."""
        return decoding


class Single(Task):
    """One of several labels for each text."""

    kind, links = "single", ("softmax",)

    def decoding(self, labels: Sequence[str], counts: Mapping[str, int], loss: Loss) -> Decoding:
        self.check_loss(loss)
        return SINGLE


class Scale(Task):
    """One of several ordered labels for each text, such as 1 to 5 stars.

    The decision may divide out the shares of the labels in training: a measure that counts each label alike has then
    its Bayes decision, which for a mean absolute error is the median.

    Args:
        decision: How a distribution becomes a label; "auto" is the one that scores best on validation.
    """

    kind, links = "scale", ("softmax", "ordered softmax", "corn")

    def __init__(self, *, decision: ScaleDecision = "auto") -> None:
        self.decision = decision

    def order(self, labels: Iterable[str]) -> list[str]:
        found = sorted(labels)
        if (numbers := numbers_of(found)) is None:
            word = next((repr(label) for label in found if numbers_of([label]) is None), None)
            told = f"the label {word} is no number" if word else f"the labels {list_labels(found)} have several units"
            raise ConfigError(f"task=scale: {told}; name the labels in order: data.labels=[low,...,high]")
        return [label for _, label in sorted(zip(numbers, found, strict=True))]

    def decoding(self, labels: Sequence[str], counts: Mapping[str, int], loss: Loss) -> Decoding:
        self.check_loss(loss)
        weights = getattr(loss, "weights", None)
        factors = [1.0] * len(labels) if weights is None else weights.tolist()
        shares = [max(counts.get(label, 0), 0.5) * factor for label, factor in zip(labels, factors, strict=True)]
        link: Link = "corn" if loss.link == "corn" else "softmax"
        made = ScaleDecoding(scale_values(labels), link, "median", tuple(share / sum(shares) for share in shares))
        return with_decision(made, "prior_free_median" if self.decision == "auto" else self.decision)

    def fit(self, decoding: Decoding, validation: Evaluation, metric: str) -> Decoding:
        if self.decision != "auto" or not isinstance(decoding, ScaleDecoding):
            return decoding
        record = metrics.find(metric)
        if record is None or record.reads in ("probabilities", "expected"):  # no decision changes those
            metric = "macro_mae"
        options = {name: with_decision(decoding, name) for name in DECISIONS}
        best, shown = best_of(options, validation, metric)
        log.info("decision %s: best of %s by %s on %d validation texts", best, shown, metric, len(validation.split))
        return options[best]


MultiThreshold = Literal["auto", "per_label", "common"] | Annotated[float, Ge(0), Le(1)]


class Multi(Task):
    """Any number of several labels for each text, none too.

    Args:
        threshold: The probability from which a label is given: "per_label" is the one with the best F1 of that label on
            validation, "common" one for all labels, "auto" what scores best there in the metric; or a number.
    """

    kind, links = "multi", ("sigmoid",)

    def __init__(self, *, threshold: MultiThreshold = "auto") -> None:
        self.threshold = threshold

    def default_loss(self) -> Loss:
        return BinaryCrossEntropy()

    def decoding(self, labels: Sequence[str], counts: Mapping[str, int], loss: Loss) -> Decoding:
        self.check_loss(loss)
        fixed = 0.5 if isinstance(self.threshold, str) else float(self.threshold)
        return MultiDecoding((fixed,) * len(labels))

    def fit(self, decoding: Decoding, validation: Evaluation, metric: str) -> Decoding:
        if not isinstance(self.threshold, str) or not isinstance(decoding, MultiDecoding):
            return decoding
        record = metrics.find(metric)
        if record is None or record.reads == "probabilities":  # no threshold changes those
            metric = "f1"
        rows, targets = validation.probabilities.numpy(), validation.targets.numpy()
        found = {}
        if self.threshold in ("auto", "common"):
            found["common"] = [common_threshold(rows, targets, validation.labels, metric)] * len(validation.labels)
        if self.threshold in ("auto", "per_label"):
            found["per_label"] = best_thresholds(rows, targets).tolist()
        made = {name: replace(decoding, thresholds=tuple(thresholds)) for name, thresholds in found.items()}
        best, shown = best_of(made, validation, metric)
        log.info("thresholds %s: %s %s on %d validation texts", best, metric, shown, len(validation.split))
        return made[best]


def best_of(options: Mapping[str, Decoding], validation: Evaluation, metric: str) -> tuple[str, str]:
    """Return the name of the decoding that scores best on validation, of equal ones the first, and all scores."""
    record = metrics.find(metric)
    assert record is not None
    sign = 1 if record.higher_is_better else -1
    scores = {name: replace(validation, decoding=option).scores[metric] for name, option in options.items()}
    best = max(scores, key=lambda name: sign * scores[name])
    return best, ", ".join(f"{name} {score:.4f}" for name, score in scores.items())


def with_decision(decoding: ScaleDecoding, decision: str) -> ScaleDecoding:
    """Return a decoding with another decision; the prior is kept only where it is divided out."""
    rule: Decision = "argmax" if decision.endswith("argmax") else "median"
    return replace(decoding, decision=rule, prior=decoding.prior if decision.startswith("prior_free") else None)


def scale_values(labels: Sequence[str]) -> tuple[float, ...]:
    """Return the numbers of ordered labels, by default their places. Raises ConfigError for numbers out of order."""
    values = numbers_of(labels)
    if values is None:
        return tuple(map(float, range(len(labels))))
    for (one, a), (other, b) in pairwise(sorted(zip(labels, values, strict=True), key=lambda both: both[1])):
        if a == b:
            told = f"task=scale: the labels {one!r} and {other!r} are both {a:g}"
            raise ConfigError(f"{told}; data.label_map={{{other}: {one}}} makes them one")
    if any(a > b for a, b in pairwise(values)):
        raise ConfigError(f"task=scale: data.labels={list(labels)} are numbers out of order; name the lowest first")
    return tuple(values)
