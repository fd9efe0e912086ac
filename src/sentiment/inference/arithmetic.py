"""Arithmetic of decodings on rows of logits or probabilities, (N, labels), and the check of their numbers.

numpy and torch are imported where they are used, since clients read `Prediction`s without them.
"""

from math import isfinite
from typing import Any


def numbers(name: str, values: Any) -> tuple[float, ...]:
    """Return a sequence of finite numbers as floats. Raises ValueError for anything else."""
    plain: list[Any] = list(values) if isinstance(values, list | tuple) else [None]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) for value in plain):
        raise ValueError(f"task.{name}={values!r}: expected a list of numbers")
    return tuple(map(float, plain))


def quantile(weights: Any, share: float) -> Any:
    """Return the index of the first column at which a row's weights (N, labels) add up to `share` of their sum."""
    reached = weights.cumsum(axis=-1) >= share * weights.sum(axis=-1, keepdims=True)
    return reached.argmax(axis=-1)


def pick(rows: Any, columns: Any) -> Any:
    """Return one value of each row of an array, (N,)."""
    import numpy as np

    return np.take_along_axis(rows, np.asarray(columns)[:, None], axis=-1)[:, 0]


def softmax(logits: Any) -> Any:
    """Compute the softmax over the last axis in numpy.

    torch.softmax would wake one thread per core, and these compete with the runtime's own threads.
    """
    import numpy as np

    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def with_temperature(probabilities: Any, temperature: float) -> Any:
    """Apply a temperature to probabilities (N, labels): softmax(log p / temperature)."""
    import numpy as np

    return softmax(np.log(np.maximum(probabilities, 1e-12)) / temperature)


def sigmoid(logits: Any) -> Any:
    """Compute the logistic function in numpy, without overflow."""
    import numpy as np

    return (1 + np.tanh(logits / 2)) / 2


def log_odds(probabilities: Any) -> Any:
    """Compute ln(p / (1 - p)) in numpy, finite at 0 and 1."""
    import numpy as np

    kept = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return np.log(kept / (1 - kept))


def corn_log_probabilities(logits: Any) -> Any:
    """Compute log-probabilities from the logits of CORN, a tensor (N, labels).

    Logit k > 0 is the log-odds of a label above k - 1, given one of at least k - 1. The first logit is not used: the
    head has an output for each label, as transformers wants it.
    """
    from torch.nn.functional import logsigmoid, pad

    steps = logits[..., 1:]
    return pad(logsigmoid(steps).cumsum(dim=-1), (1, 0)) + pad(logsigmoid(-steps), (0, 1))
