"""The gate of every runtime but PyTorch in fp32: how far its answers are from those, and how far they may be.

Counting equal labels is a coin toss where texts lie near a tie. The gate asks what a changed label is expected to cost.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.files import read_object
from sentiment.inference.tasks import Decoding

MAX_LOSS = 0.0005  # margins of PyTorch in the changed answers, mean over all: the accuracy expected to be lost
MAX_RMS = 0.05  # root mean square of the differences of log-probabilities
MAX_MARGIN = 0.3  # largest margin of PyTorch in an answer that may change
TINY = 1e-12
CONVERSION = "conversion.json"  # of an export: what was compared, and what was chosen


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Distance of a runtime's answers from those of PyTorch in fp32."""

    texts: int
    agreement: float  # share of equal answers; of several labels, each label of a text is one
    loss: float
    rms: float
    margin: float  # the largest of a changed answer

    @property
    def passes(self) -> bool:
        return self.loss <= MAX_LOSS and self.rms <= MAX_RMS and self.margin <= MAX_MARGIN

    def __str__(self) -> str:
        return (
            f"{self.agreement:.2%} of the answers to {self.texts:,} texts are PyTorch's, expected loss {self.loss:.5f} "
            f"(at most {MAX_LOSS:g}), log-probabilities {self.rms:.4f} apart (at most {MAX_RMS:g}), largest margin "
            f"overturned {self.margin:.2f} (at most {MAX_MARGIN:g})"
        )

    def to_json(self) -> dict[str, Any]:
        return {name: round(value, 6) for name, value in asdict(self).items()} | {"passes": self.passes}


def compare(got: Any, expected: Any, decoding: Decoding) -> Fidelity:
    """Compare probabilities of a runtime with those of PyTorch in fp32, both (N, labels).

    A difference of log-probabilities counts by the probability that PyTorch gives the label, so that its mean square is
    about twice the Kullback-Leibler divergence.
    """
    got, expected = (np.asarray(array, dtype=np.float64) for array in (got, expected))
    costs, same = decoding.cost(expected, decoding.decide(got)), decoding.decide(got) == decoding.decide(expected)
    ours, theirs = (decoding.distributions(array) for array in (got, expected))
    apart = np.log(np.maximum(ours, TINY)) - np.log(np.maximum(theirs, TINY))
    rms = np.sqrt((theirs * apart**2).sum(axis=-1).mean())
    return Fidelity(len(expected), float(same.mean()), float(costs.mean()), float(rms), float(costs.max()))


def chosen_runtime(run: Path) -> str | None:
    """Return the line on the runtime from the conversion.json of a run or an export folder; None if it has none.

    Raises:
        DamagedFileError: It is no JSON object.
    """
    found = next((path for path in (run / "export" / CONVERSION, run / CONVERSION) if path.is_file()), None)
    summary = read_object(found).get("summary") if found else None
    return summary if isinstance(summary, str) else None
