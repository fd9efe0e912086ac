"""What decides the answers of a batch job: a job that is started again goes on only where none of it has changed."""

import importlib.metadata
import platform
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sentiment.inference.types import Classifier, Identified, Identity, Pinnable, Prediction

PACKAGES = ("bert-sentiment", "torch", "transformers", "tokenizers", "onnxruntime")  # those that make the answers
SHOWN = 3  # differences that are named
ABSENT = "nothing"


def pinned(engine: Classifier) -> Classifier:
    """An engine that does not change its model unnoticed."""
    return engine.pinned() if isinstance(engine, Pinnable) else engine


def identity_of(engine: Classifier, canary: Prediction) -> Identity:
    """What an engine says of itself; of one that says nothing its answer to one text."""
    if isinstance(engine, Identified):
        return engine.identity()
    rounded = {label: round(value, 3) for label, value in canary.probabilities.items()}
    return Identity({"engine": type(engine).__qualname__, "canary": rounded})


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Name what differs between two jobs, at most SHOWN of it: "model.window_stride was 0, is 64"."""
    old, new = dict(flat(before)), dict(flat(now))
    keys = [key for key in (*old, *(key for key in new if key not in old)) if old.get(key) != new.get(key)]
    named = [f"{key} was {shown(old.get(key, ABSENT))}, is {shown(new.get(key, ABSENT))}" for key in keys[:SHOWN]]
    more = [f"{len(keys) - SHOWN} more"] if len(keys) > SHOWN else []
    return "; ".join([*named, *more])


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf with its dotted path."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value and isinstance(value[0], Mapping):
        for i, inner in enumerate(value):
            yield from flat(inner, f"{path}[{i}]")
    else:
        yield path, value


def shown(value: Any) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) == 64 else text  # a SHA-256
