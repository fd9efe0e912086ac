"""The estimators that are compared, and their names for the user."""

from sentiment.evaluation.quantification.estimators import ESTIMATORS, Method

TAUS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # strengths of shrinkage
COUNTS = Method("counts")
SERVED = (  # what a recording rule of Prometheus can compute, from sums over the texts
    COUNTS,
    Method("mean_probability"),
    *(Method("adjusted_probability", "mean_probability", tau) for tau in TAUS),
)
FAR = (COUNTS, Method("calibrated_em"), Method("averaged"))  # that lean on no usual mix
METHODS = (
    *map(Method, ESTIMATORS),
    *(
        Method(name, base, tau)
        for name in ("adjusted_counts", "adjusted_probability", "em")
        for base in ("counts", "mean_probability")
        for tau in TAUS
    ),
    *(Method("calibrated_em", base, tau) for base in ("counts", "calibrated_probability") for tau in TAUS),
)
WORDS = {
    "counts": "counting the predicted labels",
    "mean_probability": "averaging the probabilities",
    "adjusted_counts": "counts corrected by the confusion matrix",
    "adjusted_probability": "probabilities corrected by their means for each true label",
    "em": "expectation maximisation",
    "calibrated_probability": "averaging calibrated probabilities",
    "calibrated_em": "expectation maximisation on calibrated probabilities",
    "averaged": "the mean of counts and expectation maximisation on calibrated probabilities",
}


def described(method: Method) -> str:
    """Describe a method in words for the user."""
    if not method.base:
        return WORDS[method.name]
    return f"{WORDS[method.base]}, moved towards {WORDS[method.name]} the more the predictions differ from usual,"
