"""Array types, and division and means where some numbers are undefined."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def divide(above: Floats, below: Floats, *, empty: float) -> Floats:
    out: Floats = np.full(np.shape(above), empty)
    np.divide(above, below, out=out, where=below > 0)
    return out


def nanmean(values: Floats) -> Floats:
    """Average each row (B, n) over its numbers; NaN for a row without any."""
    known = ~np.isnan(values)
    return divide(np.where(known, values, 0.0).sum(axis=1), known.sum(axis=1).astype(float), empty=np.nan)
