"""Rows in, rows with their predictions out, a chunk at a time."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sentiment.batch.parts import Part
from sentiment.batch.source import Row
from sentiment.schema import Classifier, Prediction, RequestError, Streaming, check_text


def scored(
    rows: Iterator[Row], text: str, engine: Classifier, labels: Sequence[str], *, chunk: int, first: int
) -> Iterator[tuple[list[Row], Part]]:
    """Each `chunk` of rows with its answers, in order, and its part of the job; `first` is the number of the first row.

    An engine that works on several chunks at once gets some before the answers to the first are asked for.
    """
    waiting: deque[tuple[list[Row], list[str | None]]] = deque()

    def texts() -> Iterator[list[str]]:
        while some := list(islice(rows, chunk)):
            reasons = [reason(row.get(text), text) for row in some]
            waiting.append((some, reasons))
            yield [row[text] for row, why in zip(some, reasons, strict=True) if not why]

    for found in answers(engine, texts()):
        some, reasons = waiting.popleft()
        yield answered(some, reasons, found, labels, first)
        first += len(some)


def answers(engine: Classifier, chunks: Iterable[Sequence[str]]) -> Iterator[list[Prediction]]:
    if isinstance(engine, Streaming):
        return engine.stream(chunks)
    return (engine.predict(texts) if texts else [] for texts in chunks)


def answered(
    rows: Sequence[Row], reasons: Sequence[str | None], found: Sequence[Prediction], labels: Sequence[str], first: int
) -> tuple[list[Row], Part]:
    """Each row with its prediction, or with its reason in the part."""
    predictions = iter(found)
    done = [row | columns(None if why else next(predictions), labels) for row, why in zip(rows, reasons, strict=True)]
    rejects = [(number, why) for number, why in enumerate(reasons, first) if why]
    counts = Counter(row["prediction"] for row in done if row["prediction"] is not None)
    return done, Part(len(rows), rejects, dict(counts))


def columns(prediction: Prediction | None, labels: Sequence[str]) -> Row:
    if prediction is None:
        return {"prediction": None, "score": None, **{f"p_{label}": None for label in labels}}
    probabilities = {f"p_{label}": round(value, 6) for label, value in prediction.probabilities.items()}
    return {"prediction": prediction.label, "score": round(prediction.score, 6), **probabilities}


def reason(text: Any, column: str) -> str | None:
    try:
        check_text(text, column)
    except RequestError as error:
        return str(error)
    return None
