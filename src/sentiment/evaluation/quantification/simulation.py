"""Sets of labelled texts to test estimators on: real groups as they are, and simulated shifts of the label shares."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from sentiment.evaluation.quantification.estimators import SMALLEST
from sentiment.evaluation.quantification.rates import Floats, Predictions, Rates

FOLDS = 10
FEWEST = 15  # texts in a group
FEWEST_GROUPS = 5  # of the data, to be held out in place of topics
SHIFTS = 30  # simulated sets of each fold
SIZES = (25, 50, 100, 200, 400)  # texts in a simulated set
TOPICS = 12
CLEAREST = 3.0  # standard deviations
CONCENTRATION = 20  # of a simulated mix about that of a group, in texts

TILT = 0.5  # standard deviation; moves the recall of a label by 0.15, as much as between tweets, reviews and films

Kind = Literal["group", "shift", "texts"]


@dataclass(frozen=True, slots=True)
class Bag:
    """A set of texts with known labels, and rates measured without any of its group."""

    kind: Kind
    group: int  # number of the fold's first group for shifts
    predictions: Predictions
    rates: Rates
    shares: Floats  # true shares among these texts
    drawn_from: Floats  # shares of the distribution that the labels were drawn from


def bags(
    probabilities: Floats,
    targets: Floats,
    groups: Sequence[Any],
    prior: Floats,
    *,
    natural: bool = False,
    answers: Floats = None,
    mixes: Floats = None,
    texts: bool = False,
    seed: int = 0,
) -> Iterator[Bag]:
    """Yield test sets by cross-validation over groups: held-out groups, and shifts drawn from held-out texts.

    A shift is drawn from the texts of one held-out group. Its shares are uniform on the simplex (the
    artificial-prevalence protocol, Forman 2005), or with `natural` groups near those of another group, as the mix
    varies in their kind of data. In a shift of the texts, each label's are drawn by how clear they are to the model,
    more of the clear or of the unclear ones: its recall moves, and none of the corrections holds.

    Args:
        probabilities: (n, k) predictions.
        targets: (n,) true label indices.
        groups: Group of each text; groups below FEWEST texts are never held out.
        prior: (k,) label shares of the training texts.
        natural: The groups are those of the data, not clusters of its texts.
        answers: (n,) indices of the answered labels; None for the most probable.
        mixes: (k,) parameters of the Dirichlet distribution of the simulated shares; None for the uniform one.
        texts: Yield shifts of the texts too.
        seed: Seed of the folds and draws.
    """
    answers = probabilities.argmax(axis=1) if answers is None else answers
    mixes = np.ones(len(prior)) if mixes is None else mixes
    rng, apart = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(codes)
    large = rng.permutation(np.flatnonzero(sizes >= FEWEST))
    observed = [np.bincount(targets[codes == group], minlength=len(prior)) / sizes[group] for group in large]
    clear = clearness(probabilities, targets)
    for held in np.array_split(large, min(FOLDS, max(2, len(large)))):
        inside = np.isin(codes, held)
        if not inside.any() or inside.all():
            continue
        rates = Rates.of(probabilities[~inside], targets[~inside], prior, answers[~inside])
        for group in held:
            yield whole("group", int(group), np.flatnonzero(codes == group), probabilities, targets, answers, rates)
        for _ in range(SHIFTS):
            group = int(rng.choice(held))
            about = CONCENTRATION * observed[rng.integers(len(observed))] + 0.5 if natural else mixes
            rows, mix = shifted(targets, np.flatnonzero(codes == group), rng.dirichlet(about), rng)
            yield whole("shift", group, rows, probabilities, targets, answers, rates, mix)
        for _ in range(SHIFTS if texts else 0):
            weights = np.exp(apart.normal(0, TILT, len(prior))[targets] * clear)
            rows, mix = shifted(targets, np.flatnonzero(inside), apart.dirichlet(mixes), apart, weights)
            yield whole("texts", int(held[0]), rows, probabilities, targets, answers, rates, mix)


def whole(
    kind: Kind,
    group: int,
    rows: Floats,
    probabilities: Floats,
    targets: Floats,
    answers: Floats,
    rates: Rates,
    mix: Floats = None,
) -> Bag:
    shares = np.bincount(targets[rows], minlength=probabilities.shape[1]) / len(rows)
    predictions = Predictions.of(probabilities[rows], answers[rows])
    return Bag(kind, group, predictions, rates, shares, shares if mix is None else mix)


def clearness(probabilities: Floats, targets: Floats) -> Floats:
    """Return the log-odds of each text's true label, standardised within the label, (n,)."""
    true = np.clip(probabilities[np.arange(len(targets)), targets], SMALLEST, 1 - SMALLEST)
    odds = np.log(true / (1 - true))
    for label in np.unique(targets):
        own = odds[targets == label]
        odds[targets == label] = (own - own.mean()) / (own.std() + SMALLEST)
    return np.clip(odds, -CLEAREST, CLEAREST)


def shifted(
    targets: Floats, rows: Floats, mix: Floats, rng: np.random.Generator, weights: Floats = None
) -> tuple[Floats, Floats]:
    """Draw a size, labels from a mix, and texts of those labels; returns rows and the mix of labels there are.

    Args:
        targets: (n,) true label indices.
        rows: Indices of the texts to draw from.
        mix: (k,) shares of the labels.
        rng: Draws them.
        weights: (n,) of the texts within their label; None for equal ones.
    """
    by_label = [rows[targets[rows] == j] for j in range(len(mix))]
    mix = mix * [len(own) > 0 for own in by_label]
    mix = mix / mix.sum()
    drawn = rng.multinomial(int(rng.choice(SIZES)), mix)
    chances = [None if weights is None else weights[own] / weights[own].sum() for own in by_label]
    return np.concatenate(
        [rng.choice(own, count, p=chance) for own, count, chance in zip(by_label, drawn, chances, strict=True) if count]
    ), mix


def groups_of(texts: Sequence[str], named: Sequence[Any] | None) -> tuple[Sequence[Any], bool]:
    """Return the groups that the data names, where FEWEST_GROUPS of them are large enough, else topics of the texts.

    Returns:
        The group of each text, and True if the data names them.
    """
    if sum(count >= FEWEST for count in Counter(named or ()).values()) >= FEWEST_GROUPS:
        return named or (), True
    return topics(texts), False


def topics(texts: Sequence[str], *, seed: int = 0) -> Floats:
    """Cluster texts by their words, as groups where the data names none: TF-IDF, LSA, k-means; (n,) cluster numbers."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    try:
        words = TfidfVectorizer(min_df=3, max_df=0.2, sublinear_tf=True).fit_transform(texts)
    except ValueError:  # no word is in enough texts
        words = None
    if words is None or words.shape[1] < 100:
        return np.random.default_rng(seed).integers(0, 2, len(texts))
    places = TruncatedSVD(min(50, words.shape[1] - 1), random_state=seed).fit_transform(words)
    return KMeans(TOPICS, n_init=2, random_state=seed).fit_predict(normalize(places + 1e-12))
