"""Work on a stream of chunks in two stages, such as tokenizing and computing."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Chunk = TypeVar("Chunk")
Between = TypeVar("Between")
Result = TypeVar("Result")
AHEAD = 2  # chunks that may be in flight while the caller waits for the first


def in_two_stages(
    chunks: Iterable[Chunk], first: Callable[[Chunk], Between], second: Callable[[Between], Result]
) -> Iterator[Result]:
    """Yield second(first(chunk)) in order; each stage has a thread, so that it works on one chunk beside the other."""

    def finish(begun: Future[Between]) -> Result:
        return second(begun.result())

    beginning, finishing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
    asked: deque[Future[Result]] = deque()
    try:
        for chunk in chunks:
            asked.append(finishing.submit(finish, beginning.submit(first, chunk)))
            if len(asked) > AHEAD:
                yield asked.popleft().result()
        while asked:
            yield asked.popleft().result()
    finally:
        for pool in (beginning, finishing):
            pool.shutdown(cancel_futures=True)
