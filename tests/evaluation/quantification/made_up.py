"""Predictions of a classifier whose texts are drawn from normal distributions, one for each label."""

import numpy as np

from sentiment.evaluation.quantification import Quantifier

LABELS = ["negative", "neutral", "positive"]
PRIOR = np.array([0.2, 0.45, 0.35])
CENTRES = np.array([[1.0, 0.0, -0.4], [0.0, 0.8, 0.0], [-0.4, 0.0, 1.1]])


def draw(count, rng, mix=PRIOR, moved=0.0, groups=1):
    """Probabilities, labels and groups; each group has its own mix and shift of the texts where `moved` is above 0."""
    probabilities, targets, numbers = [], [], []
    for group in range(groups):
        own = mix if groups == 1 else rng.dirichlet(mix * 20)
        labels = rng.choice(3, size=count // groups, p=own)
        logits = CENTRES[labels] + rng.normal(0, moved, 3) + rng.normal(0, 1, (len(labels), 3))
        # Bayes posteriors for equal covariances, under the training prior
        scores = logits @ CENTRES.T - (CENTRES**2).sum(axis=1) / 2 + np.log(PRIOR)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        probabilities.append(powers / powers.sum(axis=1, keepdims=True))
        targets.append(labels)
        numbers += [group] * len(labels)
    return np.concatenate(probabilities), np.concatenate(targets), np.array(numbers)


def fitted(probabilities, targets, groups):
    return Quantifier.fit(probabilities, targets, LABELS, prior=PRIOR, groups=groups, described="groups")
