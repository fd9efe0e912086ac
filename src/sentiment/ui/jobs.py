"""Running table jobs, by the session that may stop them, and the classifier that reports their progress."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sentiment.errors import InterruptedRunError
from sentiment.inference.pairs import Text
from sentiment.inference.types import Classifier, Prediction

CHUNK = 256  # texts between two looks at the stop sign

Told = Callable[[int, int], object]  # rows done, rows in all


def reporter(progress: Callable[..., object] | None, what: str, then: str = "") -> Told:
    """Return a function that moves Gradio's progress bar, if there is a page to show one."""

    def tell(done: int, rows: int) -> None:
        if progress is not None:
            progress((done, rows), unit="rows", desc=then if then and done >= rows else what)

    return tell


class Jobs:
    """Stop signs of the running jobs. Gradio can drop the answer of a job, but not end its thread."""

    def __init__(self) -> None:
        self._stops: dict[str, set[threading.Event]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def started(self, session: str | None) -> Iterator[threading.Event]:
        """Yield the stop sign of a job of a session until the block ends."""
        stop = threading.Event()
        with self._lock:
            self._stops.setdefault(session or "", set()).add(stop)
        try:
            yield stop
        finally:
            with self._lock:
                own = self._stops[session or ""]
                own.discard(stop)
                if not own:
                    del self._stops[session or ""]

    @property
    def running(self) -> int:
        """Number of running jobs."""
        with self._lock:
            return sum(map(len, self._stops.values()))

    def stop(self, session: str | None) -> None:
        """Stop all jobs of a session; jobs of scripts have none, and are not stopped."""
        with self._lock:
            for stop in self._stops.get(session, ()) if session else ():
                stop.set()


class Watched:
    """A classifier for one job: reports progress, ends when it is stopped, and scores equal texts once."""

    def __init__(self, classifier: Classifier, rows: int, tell: Told, stop: threading.Event | None = None) -> None:
        self.classifier, self.rows, self.tell, self.stop = classifier, rows, tell, stop or threading.Event()
        self.done = 0
        self.known: dict[Text, Prediction] = {}

    def predict(self, texts: Sequence[Text]) -> list[Prediction]:
        """Predict the texts. Raises InterruptedRunError where the job was stopped."""
        for start in range(0, len(texts), CHUNK):
            piece = texts[start : start + CHUNK]
            if self.stop.is_set():
                raise InterruptedRunError("stopped; nothing was kept")
            if new := [text for text in dict.fromkeys(piece) if text not in self.known]:
                self.known.update(zip(new, self.classifier.predict(new), strict=True))
            self.done += len(piece)
            self.tell(min(self.done, self.rows), self.rows)
        return [self.known[text] for text in texts]
