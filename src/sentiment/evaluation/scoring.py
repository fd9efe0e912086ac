"""Score a classifier on labelled texts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch

from sentiment.console import track_chunks
from sentiment.data.splits import Split
from sentiment.errors import DataError, TextError
from sentiment.evaluation import computation
from sentiment.evaluation.bootstrap import Interval, intervals
from sentiment.evaluation.calibration import apply_temperature
from sentiment.inference.exclusive import Scale
from sentiment.inference.multilabel import Multi, overlap
from sentiment.inference.pairs import Text
from sentiment.inference.tasks import SINGLE, Decoding
from sentiment.inference.types import Classifier, Label, Prediction, join_labels, list_labels, names_of

log = logging.getLogger(__name__)

CHUNK = 512  # texts per call, between updates of the progress bar and checks for Ctrl-C


@dataclass(frozen=True)
class Evaluation:
    """Predictions of a classifier on a split, with the scores computed from them."""

    labels: list[str]
    split: Split
    probabilities: torch.Tensor  # (N, labels), made with `temperature`
    temperature: float = 1.0
    tokens: list[int] | None = None  # tokens read of each text
    truncated: list[bool] | None = None
    readable: list[bool] | None = None
    decoding: Decoding = SINGLE

    @cached_property
    def targets(self) -> torch.Tensor:
        """Label indices (N,); of several labels 0 or 1 for each, (N, labels)."""
        if isinstance(self.decoding, Multi):
            own = [*map(names_of, self.split.labels)]
            return torch.tensor([[int(name in names) for name in self.labels] for names in own])
        return numbers([*map(join_labels, self.split.labels)], self.labels)

    @cached_property
    def predicted(self) -> torch.Tensor:
        """Indices of the answered labels (N,); of several labels whether each is, (N, labels)."""
        return torch.from_numpy(self.decoding.decide(self.probabilities.numpy()))

    @cached_property
    def scores(self) -> dict[str, float]:
        return computation.score(self.probabilities, self.targets, self.labels, self.decoding)

    @cached_property
    def intervals(self) -> dict[str, Interval]:
        """95 % bootstrap interval of each score."""
        return intervals(self.probabilities.numpy(), self.targets.numpy(), self.labels, decoding=self.decoding)

    @property
    def row_scores(self) -> torch.Tensor:
        """Scores (N,), float64, whose mean is the accuracy; on a scale minus the macro MAE.

        Of several labels, the Jaccard index of the answered and the right ones.
        """
        if isinstance(self.decoding, Multi):
            pairs = zip(self.answered, self.split.labels, strict=True)
            return torch.tensor([overlap(answered, own) for answered, own in pairs], dtype=torch.float64)
        if not isinstance(self.decoding, Scale):
            return (self.predicted == self.targets).double()
        numbers = torch.from_numpy(self.decoding.numbers)
        counts = self.targets.bincount(minlength=len(self.labels))
        weights = len(self.targets) / (counts.count_nonzero() * counts[self.targets])
        return -(numbers[self.predicted] - numbers[self.targets]).abs() * weights

    @property
    def answered(self) -> list[Label]:
        """The answered label of each text, or all of its answered labels."""
        if not isinstance(self.decoding, Multi):
            return [self.labels[i] for i in self.predicted.tolist()]
        rows = self.predicted.tolist()
        return [tuple(name for name, given in zip(self.labels, row, strict=True) if given) for row in rows]

    @property
    def right(self) -> torch.Tensor:
        """Correctness of each answer, with several labels of all of them (N,)."""
        return (self.predicted == self.targets).reshape(len(self.split), -1).all(dim=1)

    @property
    def uncalibrated(self) -> "Evaluation":
        """The evaluation of the probabilities as trained."""
        if not isinstance(self.decoding, Multi):
            return self.at(1.0)
        return replace(self, probabilities=torch.from_numpy(self.decoding.uncalibrated(self.probabilities.numpy())))

    @property
    def confusion(self) -> list[list[int]]:
        """Confusion matrix as counts, true classes in rows and predicted classes in columns."""
        return computation.confusion(self.predicted, self.targets, len(self.labels))

    def at(self, temperature: float) -> "Evaluation":
        """Return the evaluation rescaled to another temperature."""
        changed = apply_temperature(self.probabilities, temperature / self.temperature)
        return replace(self, probabilities=changed, temperature=temperature)


def evaluate(classifier: Classifier, split: Split, labels: Sequence[str], *, temperature: float = 1.0) -> Evaluation:
    """Predict each text of a split with `classifier`, whose probabilities were made with `temperature`.

    The labels are decided as by a `Predictor`'s own decoding; a classifier without one answers single labels.

    Raises:
        DataError: a label of the split is unknown to the model, or a text cannot be predicted.
    """
    unknown = sorted({name for label in split.labels for name in names_of(label)} - set(labels))
    if unknown:
        raise DataError(
            f"the data has the label {unknown[0]!r}, the model knows {list_labels(labels)}; rename it with "
            f"data.label_map={{{unknown[0]}: NAME}}"
        )
    answers = ask(classifier, split.inputs)
    return Evaluation(
        list(labels),
        split,
        torch.tensor([[answer.probabilities[label] for label in labels] for answer in answers]),
        temperature,
        [answer.tokens for answer in answers if answer.tokens is not None] or None,
        [answer.truncated for answer in answers if answer.truncated is not None] or None,
        [answer.readable is not False for answer in answers],
        getattr(classifier, "decoding", SINGLE),
    )


def ask(classifier: Classifier, texts: Sequence[Text]) -> list[Prediction]:
    """Predict the texts in order, with a progress bar if they are many; lines of progress where no terminal shows one.

    Raises:
        DataError: a text cannot be predicted; the message names its row.
    """
    answers: list[Prediction] = []
    for start in track_chunks(len(texts), CHUNK, "scoring", log=log, done="scored", fewest=3):
        try:
            answers += classifier.predict(texts[start : start + CHUNK])
        except TextError as error:
            raise DataError(f"row {start + error.index + 1}: {error.problem}; mend the row, or leave it out") from error
    return answers


def numbers(names: Sequence[str], labels: Sequence[str]) -> torch.Tensor:
    """Convert label names to their indices in `labels`, (N,) int64."""
    index = {label: i for i, label in enumerate(labels)}
    return torch.tensor([index[name] for name in names])
