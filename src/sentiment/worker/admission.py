"""Which requests of a batch a worker computes in one call, so that none keeps it from the others for long.

TorchServe sends the answers to all requests of a batch at once, and no further request before: a batch takes as long as
all that is computed in it. So the short requests are computed first, and of the long ones as many as fit into the time.
"""

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentiment.errors import RequestError, TextError
from sentiment.inference.predictor import Predictor
from sentiment.inference.types import Prediction

log = logging.getLogger(__name__)

Outcome = list[Prediction] | RequestError
Note = Callable[[str, int, int, Sequence[int]], None]  # a phase, its start and end in ns, and the requests it was for

TOGETHER = 0.1  # share of the seconds: the short requests of a batch that are computed as one
CHARACTERS_PER_TOKEN = 8  # at least, for a first guess; real text has four or five
CHARACTERS_PER_SECOND = 3e6  # cleaned and tokenized, on one slow core
MEASURED = 0.5  # s
FORGET = 0.3  # weight of the last call in the rate of late


@dataclass(slots=True)
class Rate:
    """Tokens that a worker computes in a second: at best, as the machine can, and of late, as it does."""

    best: float
    late: float

    def add(self, tokens: int, seconds: float) -> None:
        now = tokens / max(seconds, 1e-6)
        self.late += FORGET * (now - self.late)
        self.best = max(self.best, self.late)


class Admission:
    """Answers the requests of one batch within about `seconds`; each one that does not fit in is told why.

    Too much for any call is 413, too much beside the others 503 with the seconds until it would be its turn. A request
    of one text is never too much.
    """

    def __init__(self, predictor: Predictor, *, seconds: float, rate: Rate | None = None) -> None:
        self.predictor, self.seconds = predictor, seconds
        self.rate = rate or measure(predictor)

    @property
    def most(self) -> int:
        """Tokens of one request."""
        return int(self.rate.best * self.seconds)

    def answer(self, requests: Sequence[Sequence[str]], note: Note | None = None) -> list[Outcome]:
        """Answer each request, a list of texts, in its place."""
        started = time.monotonic()
        outcomes: dict[int, Outcome] = {i: [] for i, texts in enumerate(requests) if not texts}
        guesses = {i: self._guess(texts) for i, texts in enumerate(requests) if texts}
        order = sorted(guesses, key=guesses.__getitem__)
        short = list(self._short(order, guesses))
        outcomes |= self._together(requests, short, note)
        computed, later = False, 0.0
        for i in order[len(short) :]:
            left = self.seconds - (time.monotonic() - started)
            outcome = self._alone(requests[i], i, left if computed else self.seconds, note)
            if isinstance(outcome, RequestError) and outcome.status == 503:
                outcome.retry_after = max(1, round(max(0.0, left) + later))
                later += guesses[i] / self.rate.late
            computed = computed or (len(requests[i]) > 1 and not isinstance(outcome, RequestError))
            outcomes[i] = outcome
        return [outcomes[i] for i in range(len(requests))]

    def _guess(self, texts: Sequence[str]) -> float:
        """Tokens that the texts have at least, unless they are no language."""
        most = self.predictor.preprocessing.most_tokens
        return sum(min(len(text) // CHARACTERS_PER_TOKEN + 2, most) for text in texts)

    def _short(self, order: Sequence[int], guesses: dict[int, float]) -> Iterable[int]:
        left = self.rate.late * self.seconds * TOGETHER
        for i in order:
            left -= guesses[i]
            if left < 0:
                return
            yield i

    def _together(
        self, requests: Sequence[Sequence[str]], chosen: Sequence[int], note: Note | None
    ) -> dict[int, Outcome]:
        """Answer the `chosen` requests in one computation; one by one where that fails, so that one fails alone."""
        if len(chosen) > 1:
            try:
                found = iter(self._predict([text for i in chosen for text in requests[i]], chosen, note))
            except Exception as error:  # the boundary between requests: it is of one of them, or comes again
                log.warning("%d requests failed together (%s); each is tried alone", len(chosen), place_of(error))
            else:
                return {i: [next(found) for _ in requests[i]] for i in chosen}
        return {i: self._alone(requests[i], i, self.seconds, note) for i in chosen}

    def _alone(self, texts: Sequence[str], number: int, left: float, note: Note | None) -> Outcome:
        """Answer one request, if it takes no more than `left` seconds."""
        try:
            self._check(texts, self._guess(texts), left)
            return self._predict(texts, [number], note, left)
        except RequestError as error:
            return error
        except TextError as error:
            told = f"texts[{error.index}]: {error}" if len(texts) > 1 else str(error)
            return RequestError(told, reason="unreadable")
        except Exception as error:  # the boundary again: no request may fail with another
            if is_of_machine(error):
                raise
            log.error("one request failed: %s", place_of(error))
            return RequestError("the model failed on this request", status=500, reason="internal")

    def _check(self, texts: Sequence[str], tokens: float, left: float) -> None:
        if len(texts) > 1 and tokens > self.most:
            raise RequestError(
                f"{len(texts)} texts of over {self.most:,} tokens in all, more than this server computes in "
                f"{self.seconds:g} s; send fewer in one request",
                status=413, reason="too_many",
            )  # fmt: skip
        characters = sum(map(len, texts))
        if left < self.seconds and tokens / self.rate.late + characters / CHARACTERS_PER_SECOND > left:
            raise RequestError("the worker computes other texts; ask again", status=503, reason="busy")

    def _predict(
        self, texts: Sequence[str], numbers: Sequence[int], note: Note | None, left: float | None = None
    ) -> list[Prediction]:
        start = time.time_ns()
        encoded = self.predictor.encode(texts)
        tokenized = time.time_ns()
        if note:
            note("tokenize", start, tokenized, numbers)
        tokens = sum(len(window) for one in encoded for window in one.windows)
        if left is not None:
            self._check(texts, tokens, left)
        tokenized = time.time_ns()
        predictions = self.predictor.answer(encoded)
        done = time.time_ns()
        if note:
            note("compute", tokenized, done, numbers)
        if tokens > self.predictor.max_tokens:
            self.rate.add(tokens, (done - tokenized) / 1e9)
        return predictions


def is_of_machine(error: Exception) -> bool:
    """Tell what TorchServe answers with 507 for all requests: no memory, or a GPU that fails."""
    return isinstance(error, MemoryError) or "CUDA" in str(error)


def place_of(error: BaseException) -> str:
    """Say of what kind an error is and where it was raised; its message may quote a text, and logs hold none."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {last.name}, {Path(last.filename).name}:{last.lineno}"


def measure(predictor: Predictor) -> Rate:
    """Compute some rows of full length, as they come in long requests, and take the best time: others use it too."""
    [encoded] = predictor.encode(["word " * predictor.preprocessing.max_length])
    row = encoded.windows[0]
    rows = [row] * max(1, predictor.max_tokens // len(row))
    times: list[float] = []
    while len(times) < 4 or (sum(times) < MEASURED and len(times) < 16):  # the first one warms up
        started = time.perf_counter()
        predictor.compute(rows)
        times.append(time.perf_counter() - started)
    rate = len(rows) * len(row) / min(times)
    return Rate(rate, rate)
