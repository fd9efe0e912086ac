"""Abstention: answer the texts whose label keeps a promised error rate, and leave the others to a person.

The promise is made on the validation split and stored in the export (`abstention.json`): for each of some thresholds of
the score, an upper confidence bound on the error rate of the texts at or above it (sentiment.evaluation.abstention).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sentiment.errors import ConfigError
from sentiment.files import damaged, read_object
from sentiment.inference.types import Prediction

ABSTENTION = "abstention.json"


@dataclass(frozen=True, slots=True)
class Level:
    """Validation texts whose score is at least `threshold`."""

    threshold: float
    answered: int
    errors: int
    bound: float  # upper confidence bound on the error rate


@dataclass(frozen=True, slots=True)
class Abstention:
    """Error rates that a validation split can promise; the levels descend in threshold."""

    texts: int  # of the validation split
    confidence: float  # that every bound holds
    levels: tuple[Level, ...]

    @classmethod
    def read(cls, export: Path) -> "Abstention | None":
        """Open that of an export folder; None for an earlier one. Raises DamagedFileError for a wrong file."""
        path = export / ABSTENTION
        if not path.is_file():
            return None
        value = read_object(path)
        try:
            levels = tuple(Level(**level) for level in value["levels"])
            return cls(int(value["texts"]), float(value["confidence"]), levels)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(path, f"it is no table of error rates ({error})") from error

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def level(self, max_error: float) -> Level:
        """Return the level that answers most texts within `max_error`. Raises ConfigError if none promises that."""
        kept = [level for level in self.levels if level.bound <= max_error]
        if kept:
            return min(kept, key=lambda level: level.threshold)
        best = min(self.levels, key=lambda level: level.bound, default=None)
        if best is None or best.bound >= 1:
            raise ConfigError(
                f"max_error={max_error:g}: {self.texts} validation texts are too few to promise any error rate; "
                "leave max_error out, or train with a larger validation split"
            )
        raise ConfigError(
            f"max_error={max_error:g}: the {self.texts} validation texts can promise {up(best.bound):g} at best, "
            f"answering {best.answered / self.texts:.0%} of them; set max_error to that or more, or train with a "
            "larger validation split"
        )

    def told(self, level: Level) -> str:
        """Say what one of the levels means, for people."""
        return (
            f"answers with a score of {level.threshold:.3f} or more; of {self.texts} validation texts that were "
            f"{level.answered / self.texts:.0%}, {level.errors} of them wrong; the others are left to a person"
        )


def up(bound: float) -> float:
    """Round up to three digits, so that what a message names is granted."""
    return -(-int(bound * 1e6 + 1) // 1000) / 1000


def level_of(promise: Abstention | None, max_error: float, *, kind: str) -> Level:
    """Return the level of a promise.

    Raises:
        ConfigError: The model is not of single labels, or the export has no promises, or none as strict.
    """
    if kind != "single":
        reason = f"a promise is for models that give one of several labels, this one has task={kind}"
        raise ConfigError(f"max_error={max_error:g}: {reason}; leave max_error out")
    if promise is None:
        raise ConfigError(
            f"max_error={max_error:g}: the export has no {ABSTENTION}, so that it promises no error rate; "
            "train the run again, or leave max_error out"
        )
    return promise.level(max_error)


def abstaining(predictions: Sequence[Prediction], level: Level) -> list[Prediction]:
    """Mark the predictions that are left to a person: unreadable texts, and scores below the level's threshold."""
    return [replace(one, abstained=one.readable is False or one.score < level.threshold) for one in predictions]
