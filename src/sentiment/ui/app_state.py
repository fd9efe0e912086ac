"""State shared by all tabs: backend, limits, storage, corrections file and run."""

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import gradio as gr
from starlette.concurrency import run_in_threadpool

from sentiment.data.tables import Limits
from sentiment.errors import BusyError, ClientError, RejectedError, RequestError, SentimentError
from sentiment.inference.types import Model
from sentiment.ui import render
from sentiment.ui.backend import Backend
from sentiment.ui.feedback import Corrections
from sentiment.ui.jobs import Jobs
from sentiment.ui.limits import Rate
from sentiment.ui.storage import Storage

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

BUSY = "The model is busy. Try again in a moment."
DOWN = "The model does not answer now. This page looks for it by itself; tell whoever runs it if that takes long."
PROBLEMS = (SentimentError, RequestError)
KEYS = re.compile(r",? or (set|name) (encoding|separator|quoting|columns)\b.*$")  # advice in the messages of tables
UNKNOWN = re.compile(r"name its encoding with encoding=.*$")
QUIET: Any = {"api_visibility": "private", "show_progress": "hidden"}  # options of an event that scripts do not call
# Answered past Gradio's queue, as all is but a job over a table. Gradio closes a browser's stream of queued answers
# when the last is sent; one that is asked for in that moment waits for the next stream, on an idle page forever.
AT_ONCE: Any = {**QUIET, "queue": False}


class Turns:
    """Limit of what is answered past the queue at a cost: `at_once` under way, and `waiting` more behind them."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self.under_way, self.room = asyncio.Semaphore(at_once), at_once + waiting
        self.here = 0

    def taken(self, work: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
        """Return `work` as a coroutine that runs it in a thread when its turn comes.

        It raises gr.Error, which the page shows, where too many wait already.
        """

        @wraps(work)
        async def run(*args: P.args, **kwargs: P.kwargs) -> T:
            if self.here == self.room:
                raise gr.Error(BUSY)
            self.here += 1
            try:
                async with self.under_way:  # Starlette's threads do not keep a page that is stopped from ending
                    return await run_in_threadpool(work, *args, **kwargs)
            finally:
                self.here -= 1

        return run


@dataclass(frozen=True, slots=True)
class AppState:
    backend: Backend
    rate: Rate
    corrections: Corrections | None
    run: Path | None
    storage: Storage
    tables: Limits
    jobs: Jobs = field(default_factory=Jobs)
    turns: Turns = field(default_factory=lambda: Turns(at_once=4, waiting=64))

    def admit(self, request: gr.Request) -> None:
        """Count a request against its caller's rate limit. Raises TooManyRequestsError where that is used up."""
        self.rate.check(caller(request))

    def left(self, request: gr.Request) -> None:
        """Stop the jobs of a visitor who closed the page."""
        self.jobs.stop(request.session_hash)


def caller(request: gr.Request) -> str:
    """Return the login of a request, or else its client address (behind a trusted proxy, the forwarded one).

    The session id would not identify a caller: a script gets a new one for each request.
    """
    address = request.client.host if request.client else ""
    return request.username or address


def model_of(desk: AppState) -> Model:
    """Return the model that the page asks. Raises ClientError if it does not answer."""
    state = desk.backend.state()
    if state.model is None:
        raise ClientError(state.problem)
    return state.model


def render_error(error: Exception, *hidden: str | None) -> str:
    """Render an error as a notice; `hidden` paths are reduced to file names, since upload folders are private.

    What is wrong with the server is logged for whoever runs the page; its visitor can only wait.
    """
    message = str(error)
    if isinstance(error, ClientError) and not isinstance(error, RejectedError):
        log.warning("the server gave no answer: %s", message)
        message = BUSY if isinstance(error, BusyError) else DOWN
    return render.notice(for_visitors(message, *hidden))


def for_visitors(message: str, *paths: str | None) -> str:
    """Reduce the paths in a message to file names, and leave out the keys of a command, which a page has not."""
    for path in filter(None, paths):
        message = message.replace(path, Path(path).name)
    return KEYS.sub("", UNKNOWN.sub("save the file as UTF-8", message))


@contextmanager
def errors_as_messages(*hidden: str) -> Iterator[None]:
    """Convert known errors to gr.Error, so that API callers see the message, without the folders of `hidden` paths."""
    try:
        yield
    except PROBLEMS as error:
        raise gr.Error(for_visitors(str(error), *hidden)) from error
