"""The choice made on a set of labelled texts: estimators, the reason for each, and the error models of intervals."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from sentiment.evaluation.quantification.estimators import ESTIMATORS, Method
from sentiment.evaluation.quantification.intervals import Spread
from sentiment.evaluation.quantification.methods import COUNTS


@dataclass(frozen=True)
class Choice:
    """An estimator, the reason for it, and the mean errors of all candidates.

    Args:
        method: The estimator.
        reason: A sentence for the user.
        errors: Mean absolute error and Kullback-Leibler divergence by candidate, on groups and on shifts; on a scale
            the earth mover's distance too.
    """

    method: Method
    reason: str
    errors: dict[str, dict[str, float]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self.method), "reason": self.reason, "errors": self.errors}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Choice":
        return cls(method_of(value), value["reason"], value["errors"])


@dataclass(frozen=True)
class Fitted:
    """An estimator for a special case: the recording rules of a server, or texts unlike those of validation.

    Args:
        method: The estimator.
        spread: The error model of its intervals; None where the texts were too few to fit one.
        reason: A sentence for the user.
    """

    method: Method = COUNTS
    spread: Spread | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self.method), "interval": self.spread.to_json() if self.spread else None}

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> "Fitted | None":
        if value is None:
            return None
        return cls(method_of(value), spread_of(value["interval"]), value.get("reason", ""))


@dataclass(frozen=True)
class Choices:
    """The estimators chosen on a set of labelled texts.

    Args:
        usual: The choice for texts like these.
        spread: The error model of its intervals; None where the texts were too few to fit one.
        served: The choice among SERVED.
        far: The choice among FAR, for texts unlike these.
    """

    usual: Choice
    spread: Spread | None = None
    served: Fitted = field(default_factory=Fitted)
    far: Fitted = field(default_factory=Fitted)


def spread_of(value: dict[str, Any] | None) -> Spread | None:
    return Spread.from_json(value) if value else None


def method_of(value: Mapping[str, Any]) -> Method:
    """Read an estimator. Raises ValueError for one that this version does not have."""
    method = Method(value["name"], value["base"], float(value["tau"]))
    if not {method.name, method.base or "counts"} <= set(ESTIMATORS):
        raise ValueError(f"unknown estimator {method}")
    return method
