"""Scoring of rows in chunks, with a reason for each row that cannot be scored."""

from collections import Counter, deque
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa

from sentiment.batch.part import LEFT, Part, Rejects
from sentiment.data.tables import BrokenRow, Row
from sentiment.errors import DataError, RejectedError, RequestError, SentimentError, TextError
from sentiment.inference.pairs import Pair, Text
from sentiment.inference.types import Classifier, Prediction, Streaming, names_of
from sentiment.inference.wording import REASON
from sentiment.protocol.validation import check_aspect, check_text

SCALE = ("value", "low", "high")  # columns of ordered labels
OTHERS = ("prediction", "score", "unreadable", REASON, *SCALE, "polarity", "abstained")  # all but those of the labels
Outcome = Prediction | str  # a string is the reason why there is no prediction


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns that a job adds, each with `prefix`: prediction, score, one p_<label> per label, unreadable, its reason.

    With a promise (`max_error`) there is also abstained. The prediction of a text that cannot be read, or that is left
    to a person, is empty.

    On a scale there are also value, low and high: the expected value and its interval. With `polarity` there is
    also that. Of a model that gives several labels the prediction is "joy|surprise", and there is no score.
    """

    labels: Sequence[str]
    prefix: str = ""
    promise: bool = False
    scale: bool = False
    several: bool = False
    polarity: bool = False

    @classmethod
    def of(cls, answer: Prediction, *, prefix: str = "", polarity: bool = False) -> "Columns":
        """Return the columns that hold answers of the kind of this one."""
        return cls(
            list(answer.probabilities),
            prefix,
            promise=answer.abstained is not None,
            scale=answer.value is not None,
            several=answer.labels is not None,
            polarity=polarity,
        )

    @property
    def numbers(self) -> list[str]:
        labels = [f"p_{label}" for label in self.labels]
        names = [*(() if self.several else ("score",)), *labels, "unreadable", *(SCALE if self.scale else ())]
        return [f"{self.prefix}{name}" for name in (*names, *(("polarity",) if self.polarity else ()))]

    @property
    def names(self) -> list[str]:
        others = (REASON, *(("abstained",) if self.promise else ()))
        return [f"{self.prefix}prediction", *self.numbers, *(f"{self.prefix}{name}" for name in others)]

    def fields(self) -> dict[str, pa.Field]:
        """Return the Parquet type of each column."""
        types = dict.fromkeys(self.numbers, pa.float64()) | {f"{self.prefix}abstained": pa.bool_()}
        return {name: pa.field(name, types.get(name, pa.string())) for name in self.names}

    def values(self, prediction: Prediction | None) -> list[Any]:
        if prediction is None:
            return [None] * len(self.names)
        probabilities = [round(prediction.probabilities[label], 6) for label in self.labels]
        label = prediction.label if prediction.decided else None
        numbers = [*([] if self.several else [round(prediction.score, 6)]), *probabilities, prediction.unreadable]
        value, polarity, ends = prediction.value, prediction.polarity, prediction.interval or (None, None)
        if prediction.readable is False:  # the middle of the scale, which no average may count
            value, polarity, ends = None, None, (None, None)
        if self.scale:
            numbers += [None if value is None else round(value, 6), *ends]
        if self.polarity:
            numbers.append(None if polarity is None else round(polarity, 6))
        return [label, *numbers, prediction.reason, *([prediction.abstained] if self.promise else [])]


@dataclass(frozen=True, slots=True)
class Cells:
    """Columns that the model reads."""

    text: str
    aspect: str | None = None
    default: bool = False  # the model has an aspect for a row without one

    @property
    def names(self) -> list[str]:
        return [self.text, *([self.aspect] if self.aspect else [])]

    def of(self, row: Row) -> Text:
        """Return what the model reads of a row that has no `reason`."""
        return row[self.text] if self.aspect is None or self._lacks(row) else Pair(row[self.text], row[self.aspect])

    def reason(self, row: Row) -> str | None:
        """Return the reason why a row cannot be scored; None if it can."""
        if isinstance(row, BrokenRow):
            return row.reason
        try:
            check_text(row.get(self.text), self.text)
            if self.aspect is not None and not (self.default and self._lacks(row)):
                check_aspect(row.get(self.aspect), self.aspect)
        except RequestError as error:
            return str(error)
        return None

    def _lacks(self, row: Row) -> bool:
        """Tell whether the cell of the aspect is empty."""
        aspect = row.get(self.aspect or "")
        return aspect is None or (isinstance(aspect, str) and not aspect.strip())


@dataclass(frozen=True, slots=True)
class Chunk:
    number: int  # from 0
    rows: list[Row]
    part: Part
    rejects: Rejects


def scored(
    rows: Iterator[Row],
    cells: Cells,
    engine: Classifier,
    columns: Columns,
    *,
    chunk: int,
    done: Container[int],
    start: int = 0,
) -> Iterator[Chunk]:
    """Score the rows in chunks, numbered from `start`, and yield them in order, without those in `done`.

    A streaming engine may read several chunks ahead of its first answer.
    """
    waiting: deque[tuple[int, list[Row], list[str | None]]] = deque()

    def texts() -> Iterator[list[Text]]:
        number = start
        while some := list(islice(rows, chunk)):
            if number not in done:
                reasons = [cells.reason(row) for row in some]
                waiting.append((number, some, reasons))
                yield [cells.of(row) for row, why in zip(some, reasons, strict=True) if not why]
            number += 1

    for predictions in answers(engine, texts()):
        number, some, reasons = waiting.popleft()
        yield answered(number, some, reasons, predictions, columns, first=number * chunk + 1)


def answers(engine: Classifier, chunks: Iterator[list[Text]]) -> Iterator[list[Outcome]]:
    """Yield the outcomes of each chunk; a text that the engine rejects gets the reason, the others are still scored."""
    asked: deque[list[Text]] = deque()

    def remembered() -> Iterator[list[Text]]:
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
        except (TextError, RejectedError) as error:
            if not is_of_texts(error):
                raise
            yield outcomes(engine, asked.popleft())


def in_order(engine: Classifier, chunks: Iterable[Sequence[Text]]) -> Iterator[list[Prediction]]:
    if isinstance(engine, Streaming):
        return engine.stream(chunks)
    return (engine.predict(texts) if texts else [] for texts in chunks)


def outcomes(engine: Classifier, texts: Sequence[Text]) -> list[Outcome]:
    """Predict the texts, bisecting on rejection until every rejected text is isolated."""
    if not texts:
        return []
    try:
        return list(engine.predict(texts))
    except (TextError, RejectedError) as error:
        if not is_of_texts(error):
            raise
        if len(texts) == 1:
            return [str(error)]
    half = len(texts) // 2
    return outcomes(engine, texts[:half]) + outcomes(engine, texts[half:])


def is_of_texts(error: SentimentError) -> bool:
    """Return True if the error rejects the texts, not the request as such (e.g. status 405)."""
    return isinstance(error, TextError) or getattr(error, "status", None) in (None, 400, 413)


def answered(
    number: int,
    rows: Sequence[Row],
    reasons: Sequence[str | None],
    found: Sequence[Outcome],
    columns: Columns,
    *,
    first: int,
) -> Chunk:
    """Combine the rows of a chunk, the first of which is row `first`, with the outcomes of those that have no reason.

    Raises:
        DataError: A row already has one of the columns.
    """
    names, made = columns.names, iter(found)
    results: list[Outcome] = [why or next(made) for why in reasons]
    done, counts, layers, left = list[Row](), Counter[str](), Counter[str](), dict.fromkeys(LEFT, 0)
    unread = Counter[str]()
    for row, result in zip(rows, results, strict=True):
        if not row.keys().isdisjoint(names):
            raise clash(next(name for name in names if name in row), columns.prefix)
        prediction = result if isinstance(result, Prediction) else None
        done.append(row | dict(zip(names, columns.values(prediction), strict=True)))
        if prediction:
            left["unreadable"] += prediction.readable is False
            unread.update([prediction.reason] if prediction.reason else [])
            left["abstained"] += bool(prediction.abstained)
            layers.update([] if prediction.layers is None else [str(prediction.layers)])
            counts.update(names_of(prediction.answer) if prediction.decided else [])
    rejects = [(at, result) for at, result in enumerate(results, first) if isinstance(result, str)]
    left_out = (left["unreadable"], left["abstained"])
    part = Part(len(rows), len(rejects), dict(counts), *left_out, dict(layers), dict(unread))
    return Chunk(number, done, part, rejects)


def clash(column: str, prefix: str) -> DataError:
    return DataError(
        f"the input already has the column {column!r}; set prefix=..., such as prefix={prefix}model_, or rename it"
    )
