"""Steps after the fit: conversion of the exported model, and the baseline beside it."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from sentiment.data.module import SentimentData
from sentiment.errors import ModelError
from sentiment.evaluation.comparison import Comparison, compare
from sentiment.evaluation.scoring import Evaluation

log = logging.getLogger(__name__)


def convert_export(exported: Path, data: SentimentData, convert: Callable[..., str]) -> str:
    """Convert the exported model and return the runtime that serves it; PyTorch if the conversion fails."""
    train, validation = data.splits["train"], data.splits["validation"]
    try:
        return convert(exported, train=train.inputs, texts=validation.inputs)
    except ModelError as error:  # a runtime requested by name failed; the trained model is kept
        log.error("%s; the run goes on with PyTorch", error)
        return "torch"


def compare_with_baseline(evaluations: Mapping[str, Evaluation], data: SentimentData) -> dict[str, Comparison]:
    log.info("training the baseline on %d texts", len(data.splits["train"]))
    return compare(evaluations, data.splits["train"], data.preprocessing.cleaning)
