"""Drift: whether the model still fits the texts, held against the texts that it was validated on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import ks_2samp

from sentiment.evaluation.quantification.reference import FEWEST, Reference
from sentiment.evaluation.quantification.words import words_of
from sentiment.inference.export_dir import read_preprocessing, read_tokenizer
from sentiment.inference.tokenization import encode_windows
from sentiment.inference.types import LIMIT

MOST_TEXTS = 4000
FEWEST_TEXTS = 100
COMMONEST = 100  # words of the reference, by which its language is known
FURTHEST = 0.15  # distance of two distributions (Kolmogorov-Smirnov) that is called drift
LESS_KNOWN = 0.2  # fall of the share of texts with a common word that is called drift
UNREADABLE = 0.05  # share of texts
SURE = 0.001  # p-value
ALIKE = 0.6  # area under the ROC curve; below, the texts of both sides are alike
APART = 0.75  # from here on, the estimates are not to be trusted
WORDS = 15
RAKED = 20  # rounds over the labels


@dataclass(frozen=True, slots=True)
class Measure:
    """One property of the texts, beside the reference."""

    name: str
    reference: float
    now: float
    drifted: bool
    unit: str = ""


@dataclass(frozen=True)
class Drift:
    """Result of the comparison.

    Args:
        measures: Properties one by one.
        separability: Area under the ROC curve of a classifier that tells the texts from the reference; 0.5: it cannot.
        separability_by_label: The same after the reference got the label shares of the texts.
        words: Words that give the texts away.
        missing: Words of the reference that the texts lack.
        kind: none, labels (the mix moved, texts of a label are alike), texts, or unknown.
        sentence: The finding in a sentence for the user.
    """

    measures: list[Measure] = field(default_factory=list)
    separability: float | None = None
    separability_by_label: float | None = None
    words: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    kind: str = "unknown"
    sentence: str = ""

    @property
    def far(self) -> bool:
        """True where the texts are unlike the reference, whatever their label."""
        return self.separability_by_label is not None and self.separability_by_label >= APART

    @property
    def trusted(self) -> bool:
        """False where the intervals are not to be trusted."""
        return not (self.far or any(one.drifted for one in self.measures))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "trusted": self.trusted}


def measure(sample: Sequence[tuple[str, Any]], reference: Reference | None, export: Path | None, shares: Any) -> Drift:
    """Compare a sample of the texts with the reference of the model.

    Args:
        sample: Texts with their probabilities.
        reference: Texts that the model was validated on.
        export: The export folder, whose tokenizer is used.
        shares: (k,) estimated label shares of all texts.
    """
    if reference is None or export is None:
        return Drift(sentence="Drift is not measured: the model's export, with its reference texts, is not at hand.")
    if len(sample) < FEWEST_TEXTS or len(reference) < FEWEST_TEXTS:
        few = min(len(sample), len(reference))
        texts_are = "text is" if few == 1 else "texts are"
        return Drift(sentence=f"Drift is not measured: {few} {texts_are} too few to compare (at least {FEWEST_TEXTS}).")
    texts, probabilities = zip(*sample, strict=True)
    measures = properties(texts, np.array(probabilities), reference, export)
    words = [sorted(set(words_of(text))) for text in texts]
    rng = np.random.default_rng(0)
    alone, found, missing = separate(reference.words, words, np.ones(len(reference)), rng)
    weights = label_weights(reference.labels, shares)
    by_label, found_by_label, missing_by_label = separate(reference.words, words, weights / weights.mean(), rng)
    kind, sentence = verdict(alone, by_label)
    if kind == "texts":
        found, missing = found_by_label, missing_by_label
    return Drift(measures, round(alone, 4), round(by_label, 4), found, missing, kind, sentence)


def verdict(alone: float, by_label: float) -> tuple[str, str]:
    """Tell a shift of the labels from one of the texts: the latter remains when the label shares are made equal."""
    if alone < ALIKE:
        return "none", "The texts are like those that the model was validated on."
    if by_label < ALIKE:
        return "labels", (
            "The mix of labels differs from the validation texts, but texts of a label read alike. "
            "The estimates allow for that."
        )
    strength = "far from" if by_label >= APART else "somewhat unlike"
    end = (
        " Do not trust these intervals: label a few hundred of your own texts and give them with labelled=FILE."
        if by_label >= APART
        else " The intervals may be too narrow."
    )
    return "texts", f"The texts are {strength} those that the model was validated on, whatever their label.{end}"


def label_weights(labels: Any, shares: Any) -> Any:
    """Return a weight for each text, so that its labels have the given shares, (n,).

    Of several labels by raking: each label in turn until all are met (Deming and Stephan 1940).

    Args:
        labels: (n,) label indices; of several labels 0 or 1 for each, (n, k).
        shares: (k,) the shares.
    """
    shares = np.clip(shares, 1e-6, 1 - 1e-6)
    if labels.ndim == 1:
        return (shares / np.maximum(np.bincount(labels, minlength=len(shares)) / len(labels), 1e-6))[labels]
    weights = np.ones(len(labels))
    for _ in range(RAKED):
        for column, share in zip(labels.T, shares, strict=True):
            own = float(np.clip(np.average(column, weights=weights), 1e-6, 1 - 1e-6))
            weights *= np.where(column, share / own, (1 - share) / (1 - own))
    return weights


def properties(texts: Sequence[str], probabilities: Any, reference: Reference, export: Path) -> list[Measure]:
    encoded = encode_windows(texts, read_tokenizer(export), read_preprocessing(export))
    tokens = np.array([one.tokens for one in encoded])
    confidence = probabilities.max(axis=1)
    known = commonest(reference.words)
    familiar = float(np.mean([not known.isdisjoint(words_of(text)) for text in texts]))
    usual = float(np.mean([not known.isdisjoint(words) for words in reference.words]))
    unread = float(np.mean([one.unreadable > LIMIT for one in encoded]))
    return [
        distributions("tokens of a text, mean", reference.tokens, tokens),
        distributions("confidence, mean", reference.probabilities.max(axis=1), confidence),
        Measure(
            "texts with a common word of the model's language", usual, familiar, usual - familiar > LESS_KNOWN, "%"
        ),
        Measure("texts that the model cannot read", 0.0, unread, unread > UNREADABLE, "%"),
    ]


def distributions(name: str, before: Any, now: Any) -> Measure:
    """Compare two distributions by the Kolmogorov-Smirnov test; a small difference is no drift, however certain."""
    test = ks_2samp(before, now, method="asymp")  # the exact p-value fails on some samples, with a warning
    drifted = bool(test.statistic > FURTHEST and test.pvalue < SURE)
    return Measure(name, float(np.mean(before)), float(np.mean(now)), drifted)


def commonest(words: Iterable[Sequence[str]]) -> set[str]:
    counts = Counter(word for own in words for word in own)
    return {word for word, _ in counts.most_common(COMMONEST)}


def separate(
    before: Sequence[Sequence[str]], now: Sequence[Sequence[str]], weights: Any, rng: np.random.Generator
) -> tuple[float, list[str], list[str]]:
    """Train a classifier to tell two sets of texts apart, and score it on texts that it has not seen.

    Classifier two-sample test (Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests"): logistic regression
    on the words of a text, in two folds. Only words that are common on a side count, since the reference has no others.

    Args:
        before: Words of each text of the reference.
        now: Words of each text.
        weights: Weight of each text of the reference, 1 on average.
        rng: Draws the folds.

    Returns:
        The area under the ROC curve, and the words with the largest weights for `now` and for `before`.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    texts, sides = [*before, *now], np.repeat([0, 1], [len(before), len(now)])
    counts = [Counter(word for own in side for word in own) for side in (before, now)]
    vocabulary = sorted(word for word in counts[0] | counts[1] if max(one[word] for one in counts) >= 3 * FEWEST)
    if not vocabulary:
        return 0.5, [], []
    rows = CountVectorizer(analyzer=lambda words: words, vocabulary=vocabulary, binary=True).transform(texts)
    folds = rng.permutation(len(texts)) % 2
    scores, coefficients = np.zeros(len(texts)), np.zeros(len(vocabulary))
    importance = np.concatenate([weights, np.full(len(now), len(before) / len(now))])
    for fold in (0, 1):
        held = folds == fold
        model = LogisticRegression(C=0.3, max_iter=300).fit(rows[~held], sides[~held], importance[~held])
        scores[held] = model.decision_function(rows[held])
        coefficients += model.coef_[0]
    order = np.argsort(coefficients)
    found = [vocabulary[i] for i in order[::-1][:WORDS] if coefficients[i] > 0]
    missing = [vocabulary[i] for i in order[:WORDS] if coefficients[i] < 0]
    return float(roc_auc_score(sides, scores, sample_weight=importance)), found, missing
