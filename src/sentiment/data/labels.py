"""Labels and class weights from a config: YAML parses 0 as a number and true as a boolean, data files hold strings."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sentiment.data.label_values import plain_name
from sentiment.errors import ConfigError
from sentiment.inference.types import list_labels

ClassWeights = Literal["balanced"] | Mapping[str, float]


def label_text(label: Any, key: str) -> str:
    """Convert a label of the config to a string: 0 to "0", 4.0 and "4.0" to "4", the name in every format of data.

    Raises:
        ConfigError: The string would be a guess, as for booleans, or the value is no label.
    """
    if isinstance(label, str) and label.strip():
        return plain_name(label.strip())
    if isinstance(label, bool):
        raise ConfigError(f"{key}: {str(label).lower()} is a boolean; write the label in quotes, as it is in the data")
    if isinstance(label, int) or (isinstance(label, float) and math.isfinite(label)):
        return plain_name(str(label))
    raise ConfigError(f"{key}: {label!r} is no label; write it in quotes, as it is in the data")


def label_texts(labels: Sequence[Any], key: str) -> list[str]:
    """Convert the labels to strings; ConfigError unless there are at least two and all differ."""
    texts = [label_text(label, key) for label in labels]
    if twice := [text for text in dict.fromkeys(texts) if texts.count(text) > 1]:
        raise ConfigError(f"{key}: {twice[0]!r} is named {texts.count(twice[0])} times; name each label once")
    if len(texts) < 2:
        raise ConfigError(f"{key}={texts}: name two labels or more")
    return texts


def read_class_weights(
    wanted: Any, labels: Sequence[str] | None = None, *, key: str = "model.loss.weights"
) -> ClassWeights | None:
    """Parse the label weights of a training loss: None, "balanced", or one for each of `labels`.

    Returns:
        None, "balanced", or the weights by label string.

    Raises:
        ConfigError: A weight is not a positive finite number, or the labels are not those of `labels`.
    """
    if wanted is None or wanted == "balanced":
        return "balanced" if wanted else None
    if not isinstance(wanted, Mapping):
        raise ConfigError(f"{key}={wanted}: expected balanced, or a weight for each label such as {{negative: 1.0}}")
    found: dict[str, float] = {}
    for label, weight in wanted.items():
        text = label_text(label, key)
        if text in found:
            raise ConfigError(f"{key}: {text!r} is named twice; give one weight for each label")
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not math.isfinite(weight) or weight <= 0:
            raise ConfigError(f"{key}: the weight of {text!r} is {weight!r}; give a number above 0")
        found[text] = float(weight)
    if labels is not None and set(found) != set(labels):
        raise ConfigError(f"{key}={dict(wanted)}: give one weight for each of {list_labels(labels)}")
    return found
