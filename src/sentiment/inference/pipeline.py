"""Inputs and answers in the form of transformers' text-classification pipeline."""

from collections.abc import Mapping
from typing import Any

from sentiment.errors import ConfigError, DataError
from sentiment.inference.types import Prediction

PipelineInput = str | Mapping[str, str]  # of transformers: a text, or {"text": ..., "text_pair": ...}


def from_pipeline(item: Any) -> Any:
    """Return the text or pair that an input of transformers' pipeline stands for; `as_inputs` judges all others."""
    if not isinstance(item, Mapping):
        return item
    if not {"text"} <= item.keys() <= {"text", "text_pair"}:
        raise DataError(f'expected {{"text": ..., "text_pair": ...}}, got the keys {", ".join(map(str, item))}')
    pair = item.get("text_pair")
    return item["text"] if pair is None else (item["text"], pair)


def best_labels(prediction: Prediction, count: int | None) -> list[dict[str, Any]]:
    """Return the `count` most probable labels with their scores, all for None."""
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ConfigError(f"top_k={count!r}: expected a whole number of at least 1, or None for all labels")
    ranked = sorted(prediction.probabilities.items(), key=lambda item: item[1], reverse=True)
    return [{"label": label, "score": score} for label, score in ranked[:count]]


def own_label(prediction: Prediction) -> dict[str, Any]:
    return {"label": prediction.label, "score": prediction.score}
