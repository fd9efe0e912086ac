"""Bag-of-words baseline: TF-IDF over word unigrams and bigrams with logistic regression."""

import re
from collections.abc import Sequence
from typing import Any

import torch

from sentiment.inference.pairs import Text
from sentiment.inference.preprocessing import Cleaning

NAME = "TF-IDF + logistic regression"


class Baseline:
    """Baseline classifier of cleaned texts, trained on `texts` and their label names.

    The words of an aspect are features apart from those of its text.
    """

    def __init__(self, texts: Sequence[Text], labels: Sequence[str], *, cleaning: Cleaning) -> None:
        self.cleaning = cleaning
        self.pipeline = untrained().fit([*map(self._words, texts)], labels)

    def _words(self, text: Text) -> str:
        if isinstance(text, str):
            return self.cleaning(text)
        marked = (f"aspect_{word}" for word in re.findall(r"\w+", self.cleaning(text.aspect)))
        return " ".join([self.cleaning(text.text), *marked])

    def probabilities(self, texts: Sequence[Text], labels: Sequence[str]) -> torch.Tensor:
        """Predict probabilities (N, labels), float32, in the order of `labels`; 0 for a label absent from training."""
        known: Any = list(self.pipeline.classes_)
        found = torch.from_numpy(self.pipeline.predict_proba([*map(self._words, texts)])).float()
        columns = [found[:, known.index(label)] if label in known else torch.zeros(len(texts)) for label in labels]
        return torch.stack(columns, dim=1)


def untrained() -> Any:
    """Build the untrained scikit-learn pipeline; imported here because trials of a sweep do not need scikit-learn."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(words, LogisticRegression(C=10, max_iter=1000))
