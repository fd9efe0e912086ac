"""Exact intervals of proportions.

Source: Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial".
"""

LEVEL = 0.95


def upper_bound(successes: float, n: int, confidence: float) -> float:
    """Return the upper confidence bound on a proportion, one-sided."""
    from scipy.stats import beta

    return 1.0 if successes == n else float(beta.ppf(confidence, successes + 1, n - successes))


def clopper_pearson(successes: float, n: int) -> tuple[float, float]:
    """Return the interval of a proportion, which holds the true one in at least LEVEL of all samples."""
    confidence = (1 + LEVEL) / 2
    return 1 - upper_bound(n - successes, n, confidence), upper_bound(successes, n, confidence)
