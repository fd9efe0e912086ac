"""Rows in, rows with their predictions out, a chunk at a time."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from sentiment.batch.parts import Part
from sentiment.batch.source import Row
from sentiment.errors import Rejected, SentimentError, TextError
from sentiment.schema import Classifier, Prediction, RequestError, Streaming, check_text
from sentiment.tables import BrokenRow

Outcome = Prediction | str  # or why there is none


def scored(
    rows: Iterator[Row], text: str, engine: Classifier, labels: Sequence[str], *, chunk: int, first: int
) -> Iterator[tuple[list[Row], Part]]:
    """Each `chunk` of rows with its answers, in order, and its part of the job; `first` is the number of the first row.

    An engine that works on several chunks at once gets some before the answers to the first are asked for.
    """
    waiting: deque[tuple[list[Row], list[str | None]]] = deque()

    def texts() -> Iterator[list[str]]:
        while some := list(islice(rows, chunk)):
            reasons = [reason(row, text) for row in some]
            waiting.append((some, reasons))
            yield [row[text] for row, why in zip(some, reasons, strict=True) if not why]

    for found in answers(engine, texts()):
        some, reasons = waiting.popleft()
        yield answered(some, reasons, found, labels, first)
        first += len(some)


def answers(engine: Classifier, chunks: Iterator[list[str]]) -> Iterator[list[Outcome]]:
    """Each chunk's predictions; a text that the engine refuses gets the reason, and the job goes on with the others."""
    asked: deque[list[str]] = deque()

    def remembered() -> Iterator[list[str]]:
        yield from list(asked)
        for texts in chunks:
            asked.append(texts)
            yield texts

    while True:
        try:
            for found in in_order(engine, remembered()):
                asked.popleft()
                yield list(found)
            return
        except (TextError, Rejected) as error:
            if not is_of_texts(error):
                raise
            yield outcomes(engine, asked.popleft())


def in_order(engine: Classifier, chunks: Iterable[Sequence[str]]) -> Iterator[list[Prediction]]:
    if isinstance(engine, Streaming):
        return engine.stream(chunks)
    return (engine.predict(texts) if texts else [] for texts in chunks)


def outcomes(engine: Classifier, texts: Sequence[str]) -> list[Outcome]:
    """Halve the texts until each one that is refused stands alone."""
    if not texts:
        return []
    try:
        return list(engine.predict(texts))
    except (TextError, Rejected) as error:
        if not is_of_texts(error):
            raise
        if len(texts) == 1:
            return [str(error)]
    half = len(texts) // 2
    return outcomes(engine, texts[:half]) + outcomes(engine, texts[half:])


def is_of_texts(error: SentimentError) -> bool:
    """Tell a refusal of texts from that of any request, such as 405."""
    return isinstance(error, TextError) or getattr(error, "status", None) in (None, 400, 413)


def answered(
    rows: Sequence[Row], reasons: Sequence[str | None], found: Sequence[Outcome], labels: Sequence[str], first: int
) -> tuple[list[Row], Part]:
    """Each row with its prediction, or with its reason in the part."""
    made = iter(found)
    results: list[Outcome] = [why or next(made) for why in reasons]
    done = [
        row | columns(one if isinstance(one, Prediction) else None, labels)
        for row, one in zip(rows, results, strict=True)
    ]
    rejects = [(number, one) for number, one in enumerate(results, first) if isinstance(one, str)]
    counts = Counter(row["prediction"] for row in done if row["prediction"] is not None)
    return done, Part(len(rows), rejects, dict(counts))


def columns(prediction: Prediction | None, labels: Sequence[str]) -> Row:
    if prediction is None:
        return {"prediction": None, "score": None, **{f"p_{label}": None for label in labels}}
    probabilities = {f"p_{label}": round(value, 6) for label, value in prediction.probabilities.items()}
    return {"prediction": prediction.label, "score": round(prediction.score, 6), **probabilities}


def reason(row: Row, column: str) -> str | None:
    """Say why a row cannot be scored; None where it can."""
    if isinstance(row, BrokenRow):
        return row.reason
    try:
        check_text(row.get(column), column)
    except RequestError as error:
        return str(error)
    return None
