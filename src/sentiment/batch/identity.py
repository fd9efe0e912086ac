"""Identity of a batch job: everything that determines its predictions. A job resumes only if none of it changed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sentiment.inference.types import Classifier, Identified, Identity, Pinnable, Prediction
from sentiment.training import provenance

# packages whose versions are part of the identity
PACKAGES = ("bert-sentiment", "torch", "transformers", "tokenizers", "onnxruntime")
SHOWN = 3  # maximum number of differences in a message
ABSENT = "nothing"


def pinned(engine: Classifier) -> Classifier:
    """Return a view of the engine that raises if its model is replaced; engines without `pinned` are returned as is."""
    return engine.pinned() if isinstance(engine, Pinnable) else engine


def identity_of(engine: Classifier, canary: Prediction) -> Identity:
    """Return the identity that an engine reports; for one that reports none, its probabilities for the canary text."""
    if isinstance(engine, Identified):
        return engine.identity()
    rounded = {label: round(value, 3) for label, value in canary.probabilities.items()}
    return Identity({"engine": type(engine).__qualname__, "canary": rounded})


def versions() -> dict[str, str]:
    return {name: version for name, version in provenance.versions(PACKAGES).items() if version}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """List at most `SHOWN` differences between two jobs, e.g. "model.window_step was 0, is 64"."""
    old, new = dict(flat(before)), dict(flat(now))
    keys = [key for key in (*old, *(key for key in new if key not in old)) if old.get(key) != new.get(key)]
    named = [f"{key} was {shown(old.get(key, ABSENT))}, is {shown(new.get(key, ABSENT))}" for key in keys[:SHOWN]]
    more = [f"{len(keys) - SHOWN} more"] if len(keys) > SHOWN else []
    return "; ".join([*named, *more])


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted path and the value of every leaf."""
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
