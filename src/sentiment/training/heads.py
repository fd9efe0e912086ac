"""Classification head of a pretrained network: kept if its labels match the data's, else reinitialized."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from sentiment.data.label_values import meaning
from sentiment.inference.types import list_labels

PLACEHOLDER = "LABEL_"  # transformers calls unnamed labels LABEL_0, LABEL_1


def skeleton(config: Any) -> Any:
    """Build a sequence classifier on the meta device, without weights; takes milliseconds and no memory."""
    from transformers import AutoModelForSequenceClassification

    with torch.device("meta"):
        return AutoModelForSequenceClassification.from_config(copy.deepcopy(config))


def label_dimensions(config: Any) -> dict[str, int]:
    """Map each parameter whose size depends on the number of labels to the dimension that does."""
    other = copy.deepcopy(config)
    other.num_labels = config.num_labels + 1
    sizes = {name: parameter.shape for name, parameter in skeleton(other).named_parameters()}
    return {
        name: next(at for at, (a, b) in enumerate(zip(parameter.shape, sizes[name], strict=True)) if a != b)
        for name, parameter in skeleton(config).named_parameters()
        if parameter.shape != sizes[name]
    }


def known_labels(config: Mapping[str, Any]) -> list[str] | None:
    """Return the label of each head row from the raw config.json; None if it names none or contradicts itself."""
    names = config.get("id2label")
    if not isinstance(names, Mapping) or sorted(map(str, names)) != sorted(map(str, range(len(names)))):
        return None
    labels = [str({str(key): name for key, name in names.items()}[str(i)]) for i in range(len(names))]
    numbers = config.get("label2id")
    if numbers is not None and numbers != {label: i for i, label in enumerate(labels)}:
        return None
    return labels


def row_order(former: Sequence[str] | None, labels: Sequence[str]) -> list[int] | None:
    """Map `labels` to rows of the former head: by name, case and space aside, or by number; None if they differ."""
    if former is None or len(former) != len(labels):
        return None
    for same in (str, fold, meaning):
        rows = {same(label): i for i, label in enumerate(former)}
        if len(rows) == len(former) and set(rows) == {same(label) for label in labels}:
            return [rows[same(label)] for label in labels]
    return None


def fold(label: str) -> str:
    return label.strip().casefold()


@torch.no_grad()
def adapt_head(network: Any, former: Sequence[str] | None, labels: Sequence[str]) -> str | None:
    """Reorder the rows of a loaded head for `labels`, or make a new head; return a line for the log, or None."""
    dimensions = label_dimensions(network.config)
    rows = row_order(former, labels)
    for name, parameter in network.named_parameters():
        if name not in dimensions:
            continue
        if rows is not None:
            parameter.copy_(parameter.index_select(dimensions[name], torch.tensor(rows, device=parameter.device)))
        elif parameter.ndim > 1:
            parameter.normal_(std=getattr(network.config, "initializer_range", 0.02))
        else:
            parameter.zero_()
    if rows is None:
        return describe_new_head(former, labels)
    if rows == list(range(len(rows))) and list(labels) == list(former or ()):
        return None
    return (
        f"the head is kept: its labels {list_labels(former or ())} become {list_labels(labels)}, each with its own row"
    )


def describe_new_head(former: Sequence[str] | None, labels: Sequence[str]) -> str:
    """Describe a reinitialized head in one line."""
    had = (
        f"its labels are {list_labels(former or ())}"
        if has_names(former)
        else "its config.json does not say what it tells"
    )
    return f"the head is replaced by a new one for {list_labels(labels)}: {had}"


def has_names(labels: Sequence[str] | None) -> bool:
    """Return True if the labels are real names, not the placeholders of transformers."""
    return labels is not None and not all(label.startswith(PLACEHOLDER) for label in labels)
