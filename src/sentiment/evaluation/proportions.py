"""Exact intervals of proportions."""

LEVEL = 0.95


def clopper_pearson(successes: float, n: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of a proportion, which holds the true one in at least `level` of all samples.

    Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits".
    """
    from scipy.stats import beta

    tail = (1 - level) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, n - successes + 1))
    high = 1.0 if successes == n else float(beta.ppf(1 - tail, successes + 1, n - successes))
    return low, high
