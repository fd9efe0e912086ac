"""Vectorized metrics over bootstrap resamples, which are kept as row counts.

All confusion matrices are then one matrix product, and an AUROC is one cumulative sum.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from sentiment.evaluation.arrays import Floats, Integers, divide, nanmean
from sentiment.evaluation.rankings import AurocCounts, PrecisionCounts, centred_ranks
from sentiment.inference.tasks import SINGLE, Decoding

CELLS = 2_000_000  # counts held at a time, 16 MB


class Answers:
    """Probabilities (N, L) and label indices (N,) of a split, prepared for resampling.

    Where a text may have several labels, the targets are 0 or 1 for each of them, (N, L); see `Several`.
    """

    @classmethod
    def of(cls, probabilities: Floats, targets: Integers, decoding: Decoding = SINGLE) -> "Answers":
        """Build the answers of one label a text, or of several."""
        return (Several if targets.ndim == 2 else Answers)(probabilities, targets, decoding)

    def __init__(self, probabilities: Floats, targets: Integers, decoding: Decoding = SINGLE) -> None:
        self.probabilities, self.targets = probabilities, targets
        self.classes, self.decoding = probabilities.shape[1], decoding
        rows = np.arange(len(targets))
        self.losses = -np.log(np.maximum(probabilities[rows, targets].astype(float), 1e-12))
        self.cells = np.zeros((len(targets), self.classes**2))  # one-hot cell of the flattened confusion matrix
        self.cells[rows, targets * self.classes + decoding.decide(probabilities)] = 1

    @cached_property
    def curves(self) -> "list[AurocCounts]":
        """Ranking of each class against the rest; with two classes only one is kept, since both have the same AUROC."""
        classes = range(self.classes) if self.classes > 2 else [1]
        return [AurocCounts(self.probabilities[:, c], self.targets == c) for c in classes]


class Several(Answers):
    """Probabilities (N, L) and labels, 0 or 1 for each of several (N, L), prepared for resampling."""

    def __init__(self, probabilities: Floats, targets: Integers, decoding: Decoding = SINGLE) -> None:
        self.probabilities, self.targets = probabilities, targets
        self.classes, self.decoding = probabilities.shape[1], decoding
        kept = np.clip(probabilities.astype(float), 1e-12, 1 - 1e-7)
        self.losses = -np.where(targets, np.log(kept), np.log1p(-kept)).mean(axis=1)
        self.true, self.given = targets.astype(float), decoding.decide(probabilities).astype(float)

    @cached_property
    def rankings(self) -> "list[PrecisionCounts]":
        return [PrecisionCounts(self.probabilities[:, i], self.targets[:, i] > 0) for i in range(self.classes)]


@dataclass(frozen=True)
class Resamples:
    """B resamples of `answers` as row counts (B, N)."""

    answers: Answers
    counts: Floats
    of_absent: ClassVar[float] = np.nan  # score of a label that no row has

    @classmethod
    def of(cls, answers: Answers, counts: Floats) -> "Resamples":
        """Build the resamples of answers with one label, or with several."""
        return (SeveralResamples if isinstance(answers, Several) else Resamples)(answers, counts)

    @cached_property
    def rows(self) -> Floats:
        """Number of rows of each resample, (B,)."""
        return np.asarray(self.counts.sum(axis=1))

    @cached_property
    def confusion(self) -> Floats:
        """Confusion matrices, (B, true label, predicted label)."""
        return (self.counts @ self.answers.cells).reshape(-1, self.answers.classes, self.answers.classes)

    @property
    def hits(self) -> Floats:
        """Number of correct predictions of each label, (B, L)."""
        return np.asarray(np.einsum("bii->bi", self.confusion))

    @property
    def support(self) -> Floats:
        """Number of rows with each true label, (B, L)."""
        return np.asarray(self.confusion.sum(axis=2))

    @property
    def predicted(self) -> Floats:
        """Number of rows predicted as each label, (B, L)."""
        return np.asarray(self.confusion.sum(axis=1))

    def accuracy(self) -> Floats:
        return np.asarray(self.hits.sum(axis=1) / self.rows)

    def loss(self) -> Floats:
        return np.asarray(self.counts @ self.answers.losses / self.rows)

    def macro_f1(self) -> Floats:
        return nanmean(divide(2 * self.hits, self.support + self.predicted, empty=self.of_absent))

    def macro_recall(self) -> Floats:
        return nanmean(divide(self.hits, self.support, empty=self.of_absent))

    def precision(self) -> Floats:
        return divide(self.hits, self.predicted, empty=0.0)

    def recall(self) -> Floats:
        return divide(self.hits, self.support, empty=0.0)

    @property
    def errors(self) -> Floats:
        """Sum of the absolute errors on the scale of each true label's rows, (B, L)."""
        values = self.answers.decoding.numbers  # type: ignore[attr-defined]
        return np.asarray((self.confusion * np.abs(values[:, None] - values)).sum(axis=2))

    def macro_mae(self) -> Floats:
        return nanmean(divide(self.errors, self.support, empty=np.nan))

    def mae(self) -> Floats:
        return np.asarray(self.errors.sum(axis=1) / self.rows)

    def quadratic_kappa(self) -> Floats:
        """Compute Cohen's kappa with quadratic weights; NaN if all true and answered labels are one."""
        places = np.arange(self.answers.classes)
        weights = (places[:, None] - places) ** 2
        chance = self.support[:, :, None] * self.predicted[:, None, :] / self.rows[:, None, None]
        observed, expected = ((table * weights).sum(axis=(1, 2)) for table in (self.confusion, chance))
        return np.asarray(1 - divide(observed, expected, empty=np.nan))

    def spearman(self) -> Floats:
        """Compute the rank correlation of expected values and true labels; NaN if either is constant."""
        expected = self.answers.decoding.expected(self.answers.probabilities)  # type: ignore[attr-defined]
        ranks = [centred_ranks(column.astype(np.float32), self.counts) for column in (expected, self.answers.targets)]
        covariance, *variances = ((self.counts * a * b).sum(axis=1) for a, b in ((*ranks,), *((r, r) for r in ranks)))
        return divide(covariance, np.sqrt(variances[0] * variances[1]), empty=np.nan)

    def auroc(self) -> Floats:
        """Compute the macro AUROC over the labels with rows of both kinds; NaN if there is none."""
        return nanmean(np.stack([curve.auroc(self.counts) for curve in self.answers.curves], axis=1))


class SeveralResamples(Resamples):
    """Resamples of answers with several labels; a label that no row has or gets counts as 0, as in scikit-learn."""

    answers: Several
    of_absent: ClassVar[float] = 0.0

    @cached_property
    def hits(self) -> Floats:
        return np.asarray(self.counts @ (self.answers.true * self.answers.given))

    @cached_property
    def support(self) -> Floats:
        return np.asarray(self.counts @ self.answers.true)

    @cached_property
    def predicted(self) -> Floats:
        return np.asarray(self.counts @ self.answers.given)

    def label_f1(self) -> Floats:
        return divide(2 * self.hits, self.support + self.predicted, empty=0.0)

    def micro_f1(self) -> Floats:
        both = (self.support + self.predicted).sum(axis=1)
        return divide(2 * self.hits.sum(axis=1), both, empty=0.0)

    def subset_accuracy(self) -> Floats:
        exact = (self.answers.true == self.answers.given).all(axis=1).astype(float)
        return np.asarray(self.counts @ exact / self.rows)

    def hamming(self) -> Floats:
        wrong = (self.answers.true != self.answers.given).mean(axis=1)
        return np.asarray(self.counts @ wrong / self.rows)

    def average_precision(self) -> Floats:
        """Compute the average precision of each label; NaN for a label without rows."""
        return np.stack([ranking.average_precision(self.counts) for ranking in self.answers.rankings], axis=1)

    def mean_average_precision(self) -> Floats:
        return nanmean(self.average_precision())


def draws(rows: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Draw rows with replacement and yield their counts, (chunk of resamples, rows), in chunks of limited memory."""
    rng = np.random.default_rng(seed)
    some = max(1, CELLS // rows)
    for start in range(0, resamples, some):
        count = min(some, resamples - start)
        drawn = rng.integers(rows, size=(count, rows)) + rows * np.arange(count)[:, None]
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(float)
