"""Classifier for an export folder; the served archive ships this module too.

transformers takes seconds to import, so it is imported only when PyTorch computes.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import EllipsisType
from typing import Annotated, Any, Self, overload

from annotated_types import Ge, Gt, Le

from sentiment.errors import placing
from sentiment.inference.batching import MAX_TOKENS
from sentiment.inference.hub import locate
from sentiment.inference.loading import load_export
from sentiment.inference.pairs import Aspects, Text, as_list, pair_texts
from sentiment.inference.pipeline import PipelineInput, best_labels, from_pipeline, own_label
from sentiment.inference.runtimes import RuntimeName
from sentiment.inference.scorer import Scorer
from sentiment.inference.settings import with_settings_of
from sentiment.inference.streaming import in_two_stages
from sentiment.inference.types import Explanation, Prediction
from sentiment.remote import as_path

Share = Annotated[float, Ge(0), Le(1)]


class Predictor(Scorer):
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
                whose aspect is missing or is not read by the model. Its `index` is the position of the text.
        """
        given = as_list(texts) if aspect is None else pair_texts(texts, aspect)
        with placing(given):
            encoded = self.encode(given)
        return self.answer(encoded)

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def stream(self, chunks: Iterable[Sequence[Text]]) -> Iterator[list[Prediction]]:
        """Predict chunks of texts in order; the next chunks are read and tokenized while one is computed."""
        return in_two_stages(chunks, self.encode, self.answer)

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
            DataError: What is given is no list of texts; TextError for a text, as in `predict`.
        """
        given = as_list(texts) if aspect is None else pair_texts(texts, aspect)
        plans = []
        with placing(given):
            inputs = self.inputs(given)
        for i, text in enumerate(inputs):
            with placing(given, i):
                plans.append(self.explainer.plan(text, target))
        return [*map(self.explainer.explain, plans)]
