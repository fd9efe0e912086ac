"""Classifier for an export folder; the served archive ships this module too.

transformers takes seconds to import, so it is imported only when PyTorch computes.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from types import EllipsisType
from typing import Annotated, Any, Self, overload

import torch
from annotated_types import Ge, Gt, Le

from sentiment.errors import ModelError
from sentiment.inference.abstention import Level, abstaining, level_of
from sentiment.inference.batching import MAX_TOKENS
from sentiment.inference.explanations import Explainer
from sentiment.inference.hub import locate
from sentiment.inference.loading import Loaded, load_export
from sentiment.inference.pairs import Aspects, Text, as_inputs, pair_texts
from sentiment.inference.pipeline import PipelineInput, best_labels, from_pipeline, own_label
from sentiment.inference.runtimes import RuntimeName
from sentiment.inference.scoring import logits_of, mean_of_windows, most_of_windows
from sentiment.inference.settings import with_settings_of
from sentiment.inference.streaming import in_two_stages
from sentiment.inference.tasks import build_prediction, decide_again, decide_by, decoding_of
from sentiment.inference.tokenization import Encoded, encode_windows
from sentiment.inference.types import Explanation, Identity, Model, Prediction, Threshold
from sentiment.remote import as_path

log = logging.getLogger(__name__)

Share = Annotated[float, Ge(0), Le(1)]


class Predictor:
    """A fine-tuned model with its own preprocessing: texts in, predictions out.

    Open one with `Predictor.from_pretrained`. Threads may share it: calls at once give the answers that they give one
    after another. As a context manager it is closed at the end of the block.

    Example:
        ```python
        with Predictor.from_pretrained("outputs/RUN") as predictor:
            predictor("what a day").label
            [prediction.score for prediction in predictor(["what a day", "dull"])]
        ```
    """

    def __init__(self, loaded: Loaded, *, max_tokens: int) -> None:
        """Put a predictor together; `from_pretrained` and `load` do so from a folder."""
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

    @classmethod
    def from_pretrained(
        cls,
        name: str | os.PathLike[str],
        *,
        revision: str | None = None,
        device: str = "cpu",
        runtime: RuntimeName = "auto",
        max_tokens: Annotated[int, Gt(0)] | None = None,
        window_step: Annotated[int, Ge(0)] | None = None,
        max_error: Annotated[float, Gt(0), Le(1)] | None = None,
        default_aspect: str | None = None,
        threshold: Share | Mapping[str, Share] | None = None,
        exits: bool | None = None,
    ) -> "Predictor":
        """Open a run directory, an export folder, or such a folder on the Hugging Face hub.

        Args:
            name: The path of the folder, on this machine or an object store; or a hub id, "user/model", where no such
                folder is on this machine.
            revision: The branch, tag or commit of the hub id.
            device: "cpu", "cuda" or "cuda:1".
            runtime: What computes the answers; "auto" is the one recorded in the folder, and on a GPU "torch-bf16"
                where its answers are those of fp32, else "torch".
            max_tokens: Bounds rows times length of one call of the runtime; by default 512 on a CPU, 16,384 on a GPU.
            window_step: Takes the place of the run's own (`data.window_step`).
            max_error: Error rate that the answers given keep, as promised on validation; the other texts are left to a
                person (`Prediction.abstained`).
            default_aspect: Takes the place of the run's own (`data.default_aspect`).
            threshold: Of a model that gives several labels, the smallest probability at which a label is given: one for
                all labels, or by label; by default those tuned on validation.
            exits: False computes all layers for every text, True demands early exits; by default a text leaves early
                where the folder has exits.

        Returns:
            The predictor.

        Raises:
            ModelError: There is no such folder, the hub is out of reach, or a file is missing.
            DamagedFileError: A file is cut, or not the one that SHA256SUMS lists.
            ConfigError: A revision of a local folder, or a default aspect for a model without aspects.
        """
        run = locate(name, revision=revision)
        found = load_export(
            run,
            device=device,
            runtime=runtime,
            window_step=window_step,
            max_error=max_error,
            default_aspect=default_aspect,
            threshold=threshold,
            exits=exits,
        )
        predictor = cls(found, max_tokens=max_tokens or MAX_TOKENS["cpu" if device == "cpu" else "gpu"])
        predictor.settings = {"runtime": found.runtime, "device": device, "run": str(run)}
        return predictor

    @classmethod
    @with_settings_of(from_pretrained, but="revision")
    def load(cls, run: str | Path, **settings: Any) -> "Predictor":
        """Open a run directory or an export folder as `from_pretrained` does, but never ask the hub for it."""
        return cls.from_pretrained(as_path(run), **settings)

    @property
    def model(self) -> Any:
        """Return the transformers model, independent of the runtime used for predictions."""
        return self.load_model()

    @overload
    def __call__(self, texts: str, aspect: str | None = None) -> Prediction: ...

    @overload
    def __call__(self, texts: list[Any] | tuple[str, ...], aspect: Aspects = None) -> list[Prediction]: ...

    def __call__(self, texts: str | Sequence[Text], aspect: Aspects = None) -> Prediction | list[Prediction]:
        """Predict the label of one text, or of each of many.

        Args:
            texts: One text, or a list of texts; many at once take less time than one by one.
            aspect: For a model that reads aspects, what the text is about: one for all texts, or a list with one each.

        Returns:
            A prediction for one text, a list of predictions for a list.

        Raises:
            DataError: What is given is no text; TextError for a text that cannot be cleaned or tokenized.

        Example:
            ```python
            predictor("what a day").label
            predictor("good screen, weak battery", aspect="battery").label
            ```
        """
        return self.predict([texts], aspect)[0] if isinstance(texts, str) else self.predict(texts, aspect)

    def predict(self, texts: Sequence[Text], aspect: Aspects = None) -> list[Prediction]:
        """Predict the label of each text.

        Args:
            texts: A list of texts, or of pairs (text, aspect).
            aspect: For a model that reads aspects, what the texts are about: one for all, or a list with one each.

        Returns:
            A prediction for each text, in their order.

        Raises:
            DataError: What is given is no list of texts; TextError for a text that cannot be cleaned or tokenized, or
                whose aspect is missing or is not read by the model.
        """
        return self.answer(self.encode(texts if aspect is None else pair_texts(texts, aspect)))

    @overload
    def pipeline(self, texts: PipelineInput | Sequence[PipelineInput]) -> list[dict[str, Any]]: ...

    @overload
    def pipeline(self, texts: PipelineInput, *, top_k: int | None) -> list[dict[str, Any]]: ...

    @overload
    def pipeline(self, texts: list[Any] | tuple[str, ...], *, top_k: int | None) -> list[list[dict[str, Any]]]: ...

    def pipeline(
        self, texts: PipelineInput | Sequence[PipelineInput], *, top_k: int | EllipsisType | None = ...
    ) -> list[Any]:
        """Answer in the form of transformers' text-classification pipeline.

        Args:
            texts: One text, or a list of texts; with an aspect as {"text": ..., "text_pair": ...}.
            top_k: How many labels of each text, the most probable first; None for all. Not given, the best one alone.

        Returns:
            Without `top_k` a list with one {"label", "score"} for each text, for a single text too. With it a list of
            {"label", "score"} for one text, and a list of such lists for many.

        Raises:
            ConfigError: `top_k` is no number of labels.
            DataError: As for `predict`.

        Example:
            ```python
            predictor.pipeline("what a day")  # [{"label": "positive", "score": 0.98}]
            predictor.pipeline(["what a day", "dull"], top_k=None)
            ```
        """
        alone = isinstance(texts, str | Mapping)
        predictions = self.predict([*map(from_pipeline, [texts] if alone else texts)])
        if isinstance(top_k, EllipsisType):
            return [best_labels(one, 1)[0] if one.labels is not None else own_label(one) for one in predictions]
        ranked = [best_labels(one, top_k) for one in predictions]
        return ranked[0] if alone else ranked

    def close(self) -> None:
        """Free the model and the threads of its runtime; later calls raise ModelError. A call under way is finished."""
        self.compute = self.load_model = closed
        with self._lock:
            self._explainer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stream(self, chunks: Iterable[Sequence[Text]]) -> Iterator[list[Prediction]]:
        """Predict chunks of texts in order; the next chunks are read and tokenized while one is computed."""
        return in_two_stages(chunks, self.encode, self.answer)

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

    def explain(self, texts: Sequence[Text], target: str | None = None, aspect: Aspects = None) -> list[Explanation]:
        """Explain each prediction by integrated gradients: what each word adds to the log-odds of a label.

        Args:
            texts: A list of texts.
            target: The label to explain; by default the one predicted for the text.
            aspect: For a model that reads aspects, one for all texts, or a list with one each.

        Returns:
            An explanation for each text; the first call loads the model of transformers, which takes seconds.

        Raises:
            RequestError: The model has no label `target`.
            DataError: What is given is no list of texts.
        """
        inputs = self.inputs(texts if aspect is None else pair_texts(texts, aspect))
        return [self.explainer.explain(self.explainer.plan(text, target)) for text in inputs]

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
        """Return predictions with another promise than the predictor's own; None keeps that.

        Raises:
            ConfigError: The validation split cannot promise `max_error`.
        """
        if max_error is None:
            return list(predictions)
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
        how: dict[str, Any] = {"tokens": read.tokens, "truncated": read.truncated, "unreadable": read.unreadable}
        return build_prediction(self.decoding, self.labels, row, layers=layers, **how)


def closed(*_: object) -> Any:
    """Stand for the model of a predictor that is closed."""
    raise ModelError("this predictor is closed; open the model again with Predictor.from_pretrained")
