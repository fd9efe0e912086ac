"""Admission control: selects the requests of a batch that a worker computes within a time limit.

TorchServe sends all responses of a batch at once, and the worker gets no further request before: a batch takes as long
as everything computed in it. Short requests are therefore computed first, then as many long ones as fit into the time.
"""

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentiment.errors import RequestError, TextError
from sentiment.inference.pairs import Pair, Text, characters
from sentiment.inference.predictor import Predictor
from sentiment.inference.types import Prediction

log = logging.getLogger(__name__)

Outcome = list[Prediction] | RequestError | TextError
Note = Callable[[str, int, int, Sequence[int]], None]  # phase, start and end in ns, places of its requests

MAX_SECONDS = 1.0  # compute budget of one worker call, if the archive sets none
TOGETHER = 0.2  # fraction of `seconds` for the short requests that are computed in one call
CHARACTERS_PER_TOKEN = 8  # lower-bound token estimate; real text has 4 to 5
CHARACTERS_PER_SECOND = 3e6  # cleaning and tokenization on one slow core
MEASURED = 0.5  # seconds
FORGET = 0.3  # EMA weight of the latest call in Rate.late


@dataclass(slots=True)
class Rate:
    """Throughput in tokens per second: the exponential moving average, now and at its best."""

    best: float
    late: float

    def add(self, tokens: int, seconds: float) -> None:
        now = tokens / max(seconds, 1e-6)
        self.late += FORGET * (now - self.late)
        self.best = max(self.best, self.late)


class Admission:
    """Predictions for the requests of one batch within about `seconds`.

    A request too large for any call is rejected with 413; one that does not fit beside the others gets 503 and a
    Retry-After estimate. A request with a single text is never too large.
    """

    def __init__(self, predictor: Predictor, *, seconds: float, rate: Rate | None = None) -> None:
        self.predictor, self.seconds = predictor, seconds
        self.rate = rate or measure(predictor)

    @property
    def most(self) -> int:
        """Return the token limit of a request with several texts."""
        return int(self.rate.best * self.seconds)

    def answer(self, requests: Sequence[Sequence[Text]], note: Note | None = None) -> list[Outcome]:
        """Predict or reject each request of a batch.

        Returns:
            One outcome per request, in their order.
        """
        started = time.monotonic()
        outcomes: dict[int, Outcome] = {i: [] for i, texts in enumerate(requests) if not texts}
        guesses = {i: self._guess(texts) for i, texts in enumerate(requests) if texts}
        order = sorted(guesses, key=guesses.__getitem__)
        outcomes |= self._together(requests, list(self._short(order, guesses, requests)), note)
        computed, later = False, 0.0
        for i in (i for i in order if i not in outcomes):
            left = self.seconds - (time.monotonic() - started)
            outcome = self._alone(requests[i], i, left if computed else self.seconds, note)
            if isinstance(outcome, RequestError) and outcome.status == 503:
                outcome.retry_after = max(1, round(max(0.0, left) + later))
                later += guesses[i] / self.rate.late
            computed = computed or (len(requests[i]) > 1 and isinstance(outcome, list))
            outcomes[i] = outcome
        return [outcomes[i] for i in range(len(requests))]

    def _guess(self, texts: Sequence[Text]) -> float:
        """Estimate a lower bound on the tokens of natural-language texts, before tokenization."""
        most = self.predictor.preprocessing.most_tokens
        return sum(min(characters(text) // CHARACTERS_PER_TOKEN + 2, most) for text in texts)

    def _short(
        self, order: Sequence[int], guesses: dict[int, float], requests: Sequence[Sequence[Text]]
    ) -> Iterable[int]:
        """Yield the requests of one call: all with a single text, which are computed in any case, and other short ones.

        On a slow or busy machine, one call for each would take half as long again.
        """
        left = self.rate.late * self.seconds * TOGETHER
        for i in order:
            left -= guesses[i]
            if left >= 0 or len(requests[i]) == 1:
                yield i

    def _together(
        self, requests: Sequence[Sequence[Text]], chosen: Sequence[int], note: Note | None
    ) -> dict[int, Outcome]:
        """Predict the `chosen` requests in one call; on failure one by one, to isolate the request at fault."""
        if len(chosen) > 1:
            try:
                found = iter(self._predict([text for i in chosen for text in requests[i]], chosen, note))
            except Exception as error:  # isolates requests: a failure that no request caused recurs in the retry
                log.warning("%d requests failed together (%s); each is tried alone", len(chosen), place_of(error))
            else:
                return {i: [next(found) for _ in requests[i]] for i in chosen}
        return {i: self._alone(requests[i], i, self.seconds, note) for i in chosen}

    def _alone(self, texts: Sequence[Text], number: int, left: float, note: Note | None) -> Outcome:
        """Predict one request if it is estimated to take at most `left` seconds, or return its error."""
        try:
            self._check(texts, self._guess(texts), left)
            return self._predict(texts, [number], note, left)
        except (RequestError, TextError) as error:
            return error
        except Exception as error:  # isolates requests: no request may fail another
            if is_of_machine(error):
                raise
            log.error("one request failed: %s", place_of(error))
            return RequestError("the model failed on this request", status=500, reason="internal")

    def _check(self, texts: Sequence[Text], tokens: float, left: float) -> None:
        if len(texts) > 1 and tokens > self.most:
            raise RequestError(
                f"{len(texts)} texts of over {self.most:,} tokens in all, more than this server computes in "
                f"{self.seconds:g} s; send fewer in one request",
                status=413, reason="too_many",
            )  # fmt: skip
        length = sum(map(characters, texts))
        if left < self.seconds and tokens / self.rate.late + length / CHARACTERS_PER_SECOND > left:
            raise RequestError("the worker computes other texts; ask again", status=503, reason="busy")

    def _predict(
        self, texts: Sequence[Text], numbers: Sequence[int], note: Note | None, left: float | None = None
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
    """Detect failures that TorchServe answers with 507 for the whole batch: out of memory or a GPU error."""
    return isinstance(error, MemoryError) or "CUDA" in str(error)


def place_of(error: BaseException) -> str:
    """Describe an error by type and location only: its message may quote a text, which must not be logged."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {last.name}, {Path(last.filename).name}:{last.lineno}"


def measure(predictor: Predictor) -> Rate:
    """Measure throughput on full-length rows, as in long requests.

    The best of several runs counts, because other workers may be using the machine at the same time.
    """
    text = "word " * predictor.preprocessing.max_length
    [encoded] = predictor.encode([Pair(text, "word") if predictor.preprocessing.aspects else text])
    row = encoded.windows[0]
    rows = [row] * max(1, predictor.max_tokens // len(row))
    times: list[float] = []
    while len(times) < 4 or (sum(times) < MEASURED and len(times) < 16):  # the first run is the warm-up
        started = time.perf_counter()
        predictor.compute(rows)
        times.append(time.perf_counter() - started)
    rate = len(rows) * len(row) / min(times)
    return Rate(rate, rate)
