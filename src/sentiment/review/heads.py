"""Out-of-fold probabilities by logistic regression on the sentence vectors of the pretrained backbone.

The vectors are those before fine-tuning: a backbone tuned on the labels under review has learned the wrong ones too.
"""

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sentiment.backbones import out_of_reach, resolve
from sentiment.console import track_chunks
from sentiment.data.module import SentimentData
from sentiment.inference.batching import pad
from sentiment.inference.tokenization import encode
from sentiment.review.confident import Floats, Indices
from sentiment.review.work import Work

log = logging.getLogger(__name__)

CHUNK = 512  # texts that a stopped review may have to read again
BATCH = 32  # texts
STRENGTH = 0.01  # inverse of the regularisation, of standardised vectors


def out_of_fold(
    data: SentimentData, inputs: Sequence[Any], given: Indices, folds: Sequence[Indices], work: Work
) -> Floats:
    """Return a probability of each label for each text, by a classifier that was fitted on the other folds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    vectors = np.concatenate([*sentence_vectors(data, inputs, work)])
    probabilities = np.zeros((len(given), len(data.labels)), dtype=np.float64)
    for held in folds:
        others = np.setdiff1d(np.arange(len(given)), held)
        classifier = make_pipeline(StandardScaler(), LogisticRegression(C=STRENGTH, max_iter=1000))
        classifier.fit(vectors[others], given[others])
        probabilities[np.ix_(held, classifier.classes_)] = classifier.predict_proba(vectors[held])
    return probabilities


def sentence_vectors(data: SentimentData, inputs: Sequence[Any], work: Work) -> Iterator[NDArray[np.float32]]:
    """Yield the mean of the backbone's token vectors for each text, in chunks `(CHUNK, D)`."""
    from transformers import AutoModel

    try:
        encoder = AutoModel.from_pretrained(
            resolve(data.backbone), revision=data.backbone_revision, trust_remote_code=False, weights_only=True
        ).eval()
    except Exception as error:  # errors of safetensors, pickle, zip, struct and transformers share no base
        raise out_of_reach(f"the backbone {data.backbone!r}", error) from error
    for start in track_chunks(len(inputs), CHUNK, f"reading {len(inputs):,} texts", log=log, done="read"):
        texts = inputs[start : start + CHUNK]
        yield work.once(f"vectors-{start:09}", partial(read, encoder, data, texts))


@torch.inference_mode()
def read(encoder: Any, data: SentimentData, texts: Sequence[Any]) -> NDArray[np.float32]:
    rows = encode(texts, data.tokenizer.backend_tokenizer, data.preprocessing)
    longest_first = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
    vectors: NDArray[np.float32] | None = None
    for start in range(0, len(rows), BATCH):
        batch = longest_first[start : start + BATCH]
        inputs = pad([rows[i] for i in batch], data.tokenizer.pad_token_id)
        mask = inputs["attention_mask"]
        tokens = encoder(**inputs).last_hidden_state * mask[..., None]
        means = (tokens.sum(dim=1) / mask.sum(dim=1, keepdim=True)).float().numpy()
        vectors = np.zeros((len(rows), means.shape[1]), dtype=np.float32) if vectors is None else vectors
        vectors[batch] = means
    assert vectors is not None
    return vectors
