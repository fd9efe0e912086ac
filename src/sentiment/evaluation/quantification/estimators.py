"""Estimators of label shares from the predictions of a classifier.

Survey: González, Castaño, Chawla and del Coz 2017, "A review on quantification learning".
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from sentiment.evaluation.quantification.rates import Floats, Predictions, Rates

STEPS, TOLERANCE = 1000, 1e-7  # limits of expectation maximisation
SMALLEST = 1e-9  # share, so that no division is by 0
ITERATIONS = 1000  # of least squares for each label, at most
WEIGHT = 1e4  # of the constraint that shares add up to 1, against errors of at most 1


def smoothed_counts(predictions: Predictions, rates: Rates) -> Floats:
    """Count the predicted labels, with one text added to each.

    Classify and count (Forman 2008, "Quantifying counts and costs via classification") with Laplace's rule of
    succession.
    """
    return (predictions.counts + 1) / (predictions.n + len(predictions.counts))


def mean_probability(predictions: Predictions, rates: Rates) -> Floats:
    """Average the predicted probabilities.

    Probabilistic classify and count (Bella, Ferri, Hernández-Orallo and Ramírez-Quintana 2010, "Quantification via
    probability estimators").
    """
    return predictions.total / predictions.n


def adjusted_counts(predictions: Predictions, rates: Rates) -> Floats:
    """Correct the counted shares by the classifier's confusion matrix.

    Adjusted classify and count (Forman 2008); for several labels the least-squares solution among the distributions
    (Hopkins and King 2010; Bunse 2022, "On multi-class extensions of adjusted classify and count").
    """
    return closest_mixture(rates.hard, predictions.counts / predictions.n)


def adjusted_probability(predictions: Predictions, rates: Rates) -> Floats:
    """Correct the mean probabilities by those that each true label gets: probabilistic adjusted counts (Bella 2010)."""
    return closest_mixture(rates.soft, predictions.total / predictions.n)


def expectation_maximisation(predictions: Predictions, rates: Rates) -> Floats:
    """Adjust the training prior to the texts by maximum likelihood.

    Saerens, Latinne and Decaestecker 2002, "Adjusting the outputs of a classifier to new a priori probabilities".
    """
    return likeliest_shares(predictions.rows, predictions.weights, rates.prior)


def calibrated_probability(predictions: Predictions, rates: Rates) -> Floats:
    """Average the predicted probabilities, calibrated on the labelled texts."""
    return predictions.weights @ rates.calibration(predictions.rows) / predictions.weights.sum()


def calibrated_em(predictions: Predictions, rates: Rates) -> Floats:
    """Adjust the shares of the labelled texts to these texts by maximum likelihood, on calibrated probabilities.

    Alexandari, Kundaje and Shrikumar 2020, "Maximum likelihood with bias-corrected calibration is hard-to-beat at label
    shift adaptation".
    """
    rows = rates.calibration(predictions.rows)
    return likeliest_shares(rows, predictions.weights, rates.calibration.prior)


def averaged(predictions: Predictions, rates: Rates) -> Floats:
    """Average the counts and `calibrated_em`, whose errors differ where texts of a label change.

    The equal weights of Bates and Granger 1969, "The combination of forecasts".
    """
    return (smoothed_counts(predictions, rates) + calibrated_em(predictions, rates)) / 2


def likeliest_shares(rows: Floats, weights: Floats, prior: Floats) -> Floats:
    """Return the shares under which probabilities (m, k), made for the shares `prior`, are the likeliest."""
    prior = np.maximum(prior, SMALLEST)
    shares = prior / prior.sum()
    weights = weights / weights.sum()
    ratios = np.ascontiguousarray((rows / prior).T)
    for _ in range(STEPS):
        likelihoods = np.maximum(shares @ ratios, SMALLEST)  # of each row; two products, and no (m, k) array
        updated = shares * (ratios @ (weights / likelihoods))
        moved = float(np.abs(updated - shares).max())
        shares = updated
        if moved < TOLERANCE:
            break
    return shares / shares.sum()


def closest_mixture(columns: Floats, observed: Floats) -> Floats:
    """Find the distribution s that minimises |columns @ s - observed|², by non-negative least squares."""
    system = np.vstack([columns, np.full(len(observed), WEIGHT)])
    # after 3 iterations for each label, its default, scipy gives up on a hundred labels that are seldom predicted
    shares, _ = nnls(system, np.append(observed, WEIGHT), maxiter=ITERATIONS * len(observed))
    return shares / shares.sum()


ESTIMATORS: dict[str, Callable[[Predictions, Rates], Floats]] = {
    "counts": smoothed_counts,
    "mean_probability": mean_probability,
    "adjusted_counts": adjusted_counts,
    "adjusted_probability": adjusted_probability,
    "em": expectation_maximisation,
    "calibrated_probability": calibrated_probability,
    "calibrated_em": calibrated_em,
    "averaged": averaged,
}


@dataclass(frozen=True, slots=True)
class Method:
    """An estimator, or one that is shrunk towards another where the predictions look as usual.

    Shrinkage towards `base` by B = tau / (d² + tau): d² is the squared distance of the mean probabilities from the
    usual ones, less what chance alone makes of it. This is the form of an empirical Bayes estimate (Efron and Morris
    1973, "Stein's estimation rule and its competitors"), with tau chosen by cross-validation.

    Args:
        name: A key of ESTIMATORS.
        base: Another key, or none.
        tau: Strength of the shrinkage, a variance of label shares.
    """

    name: str
    base: str = ""
    tau: float = 0.0

    def __str__(self) -> str:
        return f"{self.name} from {self.base}, tau {self.tau:g}" if self.base else self.name

    def combine(self, found: Floats, base: Floats, shift: Floats) -> Floats:
        kept = self.tau / (shift + self.tau)
        return kept * base + (1 - kept) * found


def estimate(method: Method, predictions: Predictions, rates: Rates) -> Floats:
    """Estimate the label shares of at least one text, (k,)."""
    found = ESTIMATORS[method.name](predictions, rates)
    if not method.base:
        return found
    return method.combine(found, ESTIMATORS[method.base](predictions, rates), shift_of(predictions, rates))


def shift_of(predictions: Predictions, rates: Rates) -> float:
    """Return the squared distance of the mean probabilities from the usual ones, less its expectation by chance."""
    mean = predictions.total / predictions.n
    chance = float(rates.usual @ (1 - rates.usual)) / predictions.n
    return max(0.0, float(((mean - rates.usual) ** 2).sum()) - chance)


def disagreement(predictions: Predictions, rates: Rates) -> float:
    """Return the squared distance between expectation maximisation and mean probability.

    The two agree where the texts are as in training; their distance stands for the doubt about which of them holds, as
    the spread between models does in model averaging (Buckland, Burnham and Augustin 1997, "Model selection: an
    integral part of inference").
    """
    found = expectation_maximisation(predictions, rates) - mean_probability(predictions, rates)
    return float((found**2).sum())
