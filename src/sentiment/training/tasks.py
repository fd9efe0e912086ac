"""Kinds of label, training half: label order, loss, and the decoding that is fitted and exported.

The decoding half lives in `sentiment.inference.tasks`; metrics name the tasks that they are defined for.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from sentiment.errors import ConfigError
from sentiment.evaluation.scoring import Evaluation
from sentiment.inference.tasks import SINGLE, Decoding
from sentiment.training.losses import CrossEntropy, Loss


class Task(Protocol):
    """Training half of a kind of label. `config.task` names one."""

    kind: str

    def order(self, labels: Iterable[str]) -> list[str]:
        """Return the labels of the train split in the order of the logits."""
        ...

    def default_loss(self) -> Loss:
        """Return the loss of a model without `model.loss`."""
        ...

    def decoding(self, labels: Sequence[str], counts: Mapping[str, int], loss: Loss) -> Decoding:
        """Build the decoding by which epochs are compared, from the labels and their train rows."""
        ...

    def fit(self, decoding: Decoding, validation: Evaluation, metric: str) -> Decoding:
        """Return the decoding to export, fitted on the calibrated validation predictions for `metric`."""
        ...


class Single:
    """One of several labels for each text."""

    kind = "single"

    def order(self, labels: Iterable[str]) -> list[str]:
        return sorted(labels)

    def default_loss(self) -> Loss:
        return CrossEntropy()

    def decoding(self, labels: Sequence[str], counts: Mapping[str, int], loss: Loss) -> Decoding:
        if loss.link != "softmax":
            raise ConfigError(f"model.loss: {type(loss).__name__} is for ordered labels; set task=scale")
        return SINGLE

    def fit(self, decoding: Decoding, validation: Evaluation, metric: str) -> Decoding:
        return decoding
