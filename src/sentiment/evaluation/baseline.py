"""Bag-of-words baseline: TF-IDF over word unigrams and bigrams with logistic regression."""

import re
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from sentiment.evaluation.thresholds import best_thresholds
from sentiment.inference.multilabel import Multi
from sentiment.inference.pairs import Text
from sentiment.inference.preprocessing import Cleaning
from sentiment.inference.types import Label, names_of

NAME = "TF-IDF + logistic regression"
HELD = 0.2  # of the training texts, where a text may have several labels: for the thresholds


class Baseline:
    """Baseline classifier of cleaned texts, trained on `texts` and their label names.

    The words of an aspect are features apart from those of its text.
    """

    def __init__(self, texts: Sequence[Text], labels: Sequence[Label], *, cleaning: Cleaning) -> None:
        self.cleaning = cleaning
        self.thresholds: Any = None  # of several labels, in the order of their names
        clean = [*map(self._words, texts)]
        if any(isinstance(label, tuple) for label in labels):
            self._fit_several(clean, [*map(names_of, labels)])
        else:
            self.pipeline = build_pipeline().fit(clean, labels)
            self.names = list(self.pipeline.classes_)

    def _fit_several(self, texts: Sequence[str], labels: Sequence[Sequence[str]]) -> None:
        """Fit one logistic regression for each label; the thresholds are those of a fifth of the texts held out."""
        from sklearn.model_selection import train_test_split

        self.names = sorted({name for own in labels for name in own})
        targets = np.array([[name in own for name in self.names] for own in labels], dtype=int)
        kept, held = train_test_split(np.arange(len(texts)), test_size=HELD, random_state=0)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Label .* is present in all training examples|Label not .* is")
            part = build_pipeline(several=True).fit([texts[i] for i in kept], targets[kept])
            self.thresholds = best_thresholds(part.predict_proba([texts[i] for i in held]), targets[held])
            self.pipeline = build_pipeline(several=True).fit(texts, targets)

    def decoding(self, labels: Sequence[str]) -> Multi:
        """Return the decoding of several labels by the thresholds of the baseline."""
        by_name = dict(zip(self.names, self.thresholds.tolist(), strict=True))
        return Multi(tuple(by_name.get(label, 0.5) for label in labels))

    def _words(self, text: Text) -> str:
        if isinstance(text, str):
            return self.cleaning(text)
        marked = (f"aspect_{word}" for word in re.findall(r"\w+", self.cleaning(text.aspect)))
        return " ".join([self.cleaning(text.text), *marked])

    def probabilities(self, texts: Sequence[Text], labels: Sequence[str]) -> torch.Tensor:
        """Predict probabilities (N, labels), float32, in the order of `labels`; 0 for a label absent from training."""
        known = self.names
        found = torch.from_numpy(self.pipeline.predict_proba([*map(self._words, texts)])).float()
        columns = [found[:, known.index(label)] if label in known else torch.zeros(len(texts)) for label in labels]
        return torch.stack(columns, dim=1)


def build_pipeline(*, several: bool = False) -> Any:
    """Build the untrained scikit-learn pipeline; imported here because trials of a sweep do not need scikit-learn."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    if several:
        from sklearn.multiclass import OneVsRestClassifier

        return make_pipeline(words, OneVsRestClassifier(LogisticRegression(C=10, max_iter=1000, solver="liblinear")))
    return make_pipeline(words, LogisticRegression(C=10, max_iter=1000))
