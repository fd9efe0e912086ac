"""`Predictor.stream` answers in order, works a few chunks ahead, and ends its threads."""

import threading

import pytest

from sentiment.errors import DataError
from sentiment.inference.predictor import Predictor
from sentiment.inference.streaming import AHEAD

TEXTS = ["good film", "bad meal", "?"]


@pytest.fixture(scope="module")
def predictor(tiny_run):
    return Predictor.load(tiny_run)


def test_a_stream_answers_chunk_by_chunk_and_reads_only_a_few_ahead(predictor):
    chunks, read = [[text] for text in TEXTS] + [[], TEXTS], 0

    def reading():
        nonlocal read
        for chunk in chunks:
            read += 1
            yield chunk

    answers = predictor.stream(reading())
    first = next(answers)
    assert read == AHEAD + 1
    assert [first, *answers] == [predictor.predict(chunk) for chunk in chunks]


def test_a_stream_that_fails_or_is_left_ends_its_threads(predictor):
    before = threading.active_count()
    answers = predictor.stream([["good film"]] * 9)
    next(answers)
    assert threading.active_count() == before + 2
    answers.close()
    with pytest.raises(DataError):
        list(predictor.stream([["good film"], [None]]))
    assert threading.active_count() == before
