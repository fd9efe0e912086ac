"""Quantifiers of either kind: fitted by the form of the labels, and read from quantification.json of an export."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentiment.evaluation.quantification.quantifier import Quantifier
from sentiment.evaluation.quantification.rates import Floats
from sentiment.evaluation.quantification.several import SeveralQuantifier
from sentiment.files import damaged, read_object
from sentiment.inference.export_dir import QUANTIFICATION


def fit_quantifier(
    probabilities: Floats, targets: Floats, labels: Sequence[str], **options: Any
) -> Quantifier | SeveralQuantifier:
    """Fit a quantifier to targets (n,), or to those of several labels, (n, labels); options of `Quantifier.fit`."""
    kind = Quantifier if targets.ndim == 1 else SeveralQuantifier
    return kind.fit(probabilities, targets, labels, **options)


def read_quantifier(export: Path) -> Quantifier | SeveralQuantifier | None:
    """Read quantification.json of an export folder; None without one. Raises DamagedFileError for a wrong file."""
    path = export / QUANTIFICATION
    if not path.is_file():
        return None
    value = read_object(path)
    try:
        return (SeveralQuantifier if "several" in value else Quantifier).from_json(value)
    except KeyError as error:
        raise damaged(path, f"it has no {error}") from error
    except (TypeError, ValueError) as error:
        raise damaged(path, str(error)) from error
