"""A loaded model between texts and predictions: encoded, computed, decided, and what it says of itself."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import torch

from sentiment.errors import ModelError
from sentiment.inference.abstention import Level, abstaining, level_of
from sentiment.inference.explanations import Explainer
from sentiment.inference.loading import Loaded
from sentiment.inference.pairs import Text, as_inputs
from sentiment.inference.scoring import logits_of, mean_of_windows, most_of_windows
from sentiment.inference.tasks import build_prediction, decide_again, decide_by, decoding_of
from sentiment.inference.tokenization import Encoded, encode_windows
from sentiment.inference.types import Identity, Model, Prediction, Threshold

log = logging.getLogger(__name__)


class Scorer:
    """The steps of `Predictor`, one by one, for those that put them together themselves: the worker, batches, the gate.

    Threads may share it.
    """

    def __init__(self, loaded: Loaded, *, max_tokens: int) -> None:
        """Put a predictor together; `Predictor.from_pretrained` and `load` do so from a folder."""
        self.compute, self.tokenizer, self.preprocessing = loaded.compute, loaded.tokenizer, loaded.preprocessing
        self.decoding = decoding_of(self.preprocessing.task)
        self.labels, self.pad_id, self.readability = loaded.labels, loaded.pad_id, loaded.readability
        self.load_model, self.max_tokens, self.sha256 = loaded.load_model, max_tokens, loaded.sha256
        self.abstention, self.level = loaded.abstention, None
        if (max_error := self.preprocessing.max_error) < 1:
            self.level = self.level_of(max_error)
            log.info("%s", self.promise(max_error))
        self.settings: dict[str, Any] = {}  # those of `load`, for `identity`
        self._explainer: Explainer | None = None
        self._lock = Lock()  # held while the explainer is made

    @property
    def model(self) -> Any:
        """Return the transformers model, independent of the runtime used for predictions."""
        return self.load_model()

    def close(self) -> None:
        """Free the model and the threads of its runtime; later calls raise ModelError. A call under way is finished."""
        self.compute = self.load_model = closed
        with self._lock:
            self._explainer = None

    def identity(self) -> Identity:
        """Return the export hash and every setting that can change a prediction; the details name the run."""
        settings = dict(self.settings)
        details = {"run": settings.pop("run", None)}
        own = {**self.preprocessing.to_json(), "max_tokens": self.max_tokens}
        return Identity({"engine": "local", "export": self.sha256, **own, **settings, "labels": self.labels}, details)

    def describe(self, name: str, version: str = "", **results: Any) -> Model:
        """Return what a server says of this model, served under a name and version; `results` are its run's."""
        own = self.preprocessing
        reads: Any = {"aspects": own.aspects, "default_aspect": own.default_aspect, "sha256": self.sha256}
        kind: Any = {"labels": tuple(self.labels), "task": self.decoding.to_json()}
        return Model(name, version, max_length=own.max_length, truncation=own.truncation, **kind, **reads, **results)

    @property
    def explainer(self) -> Explainer:
        """The explainer, made once, however many threads ask for it."""
        with self._lock:
            if self._explainer is None:
                own = (self.preprocessing, self.labels, self.readability)
                self._explainer = Explainer(self.model, self.tokenizer, self.pad_id, *own)
            return self._explainer

    def probabilities(self, texts: Sequence[Text]) -> torch.Tensor:
        """Compute class probabilities; float32 of shape (len(texts), len(labels))."""
        return self._average(self.encode(texts))[0]

    def encode(self, texts: Sequence[Text]) -> list[Encoded]:
        """Clean and tokenize; TextError names a text for which that fails."""
        return encode_windows(self.inputs(texts), self.tokenizer, self.preprocessing, self.readability)

    def inputs(self, texts: Sequence[Text]) -> Sequence[Text]:
        """Return the texts, each with an aspect if the model reads one; TextError for a text that does not fit it."""
        own = self.preprocessing
        return as_inputs(texts, aspects=own.aspects, default_aspect=own.default_aspect)

    def answer(self, encoded: Sequence[Encoded]) -> list[Prediction]:
        """Compute predictions from the output of `encode`."""
        probabilities, layers = self._average(encoded)
        rows = zip(probabilities.tolist(), encoded, layers, strict=True)
        predictions = [self._prediction(*row) for row in rows]
        return predictions if self.level is None else abstaining(predictions, self.level)

    def with_promise(self, predictions: Sequence[Prediction], max_error: float | None) -> list[Prediction]:
        """Return predictions with another promise than the predictor's own; None keeps that, 1 promises nothing.

        Raises:
            ConfigError: The validation split cannot promise `max_error`.
        """
        if max_error is None:
            return list(predictions)
        if max_error == 1:
            return [replace(one, abstained=None) for one in predictions]
        return abstaining(predictions, self.level_of(max_error))

    def with_threshold(self, predictions: Sequence[Prediction], threshold: Threshold | None) -> list[Prediction]:
        """Return predictions of several labels as decided by other thresholds than the predictor's; None keeps those.

        Raises:
            RequestError: The model gives one label, or has no such label.
        """
        if threshold is None:
            return list(predictions)
        return decide_again(predictions, decide_by(self.decoding, self.labels, threshold))

    def level_of(self, max_error: float) -> Level:
        """Return what the export promises. Raises ConfigError if it promises no error rate as low."""
        return level_of(self.abstention, max_error, kind=self.decoding.kind)

    def promise(self, max_error: float) -> str:
        """Say what a promised error rate means, for people. Raises ConfigError for one that cannot be promised."""
        level = self.level_of(max_error)
        assert self.abstention
        return f"max_error={max_error:g}: {self.abstention.told(level)}"

    def _average(self, encoded: Sequence[Encoded]) -> tuple[torch.Tensor, Sequence[int | None]]:
        """Average each text's window probabilities, then calibrate them (that was fitted on these averages).

        Returns:
            Probabilities (texts, labels), and how many layers computed each text, at most; None without early exits.
        """
        scores, layers = self._score([window for one in encoded for window in one.windows])
        counts = [len(one.windows) for one in encoded]
        scores = mean_of_windows(scores, counts)
        most = [None] * len(counts) if layers is None else most_of_windows(layers, counts)
        return torch.from_numpy(self.decoding.calibrated(scores, self.preprocessing.temperature)), most

    def _score(self, rows: Sequence[list[int]]) -> tuple[Any, Sequence[int] | None]:
        """Compute the probabilities of token-id rows, (rows, labels), and the layers that `logits_of` counts."""
        logits, layers = logits_of(self.compute, rows, labels=len(self.labels), max_tokens=self.max_tokens)
        return self.decoding.probabilities(logits), layers

    def _prediction(self, row: list[float], read: Encoded, layers: int | None) -> Prediction:
        how: dict[str, Any] = {"tokens": read.tokens, "truncated": read.truncated, "layers": layers}
        read_as: dict[str, Any] = {"unreadable": read.unreadable, "reason": read.reason}
        return build_prediction(self.decoding, self.labels, row, **how, **read_as)


def closed(*_: object) -> Any:
    """Stand for the model of a predictor that is closed."""
    raise ModelError("this predictor is closed; open the model again with Predictor.from_pretrained")
