"""What every tab shares: the model, the limits, the file for corrections, the run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from sentiment.data.tables import Limits
from sentiment.errors import RequestError, SentimentError
from sentiment.ui import render
from sentiment.ui.backend import Backend
from sentiment.ui.feedback import Corrections
from sentiment.ui.limits import Rate
from sentiment.ui.storage import Storage

PROBLEMS = (SentimentError, RequestError)


@dataclass(frozen=True, slots=True)
class Desk:
    backend: Backend
    rate: Rate
    corrections: Corrections | None
    run: Path | None
    storage: Storage
    tables: Limits

    def admit(self, request: gr.Request) -> None:
        """Count this call on its caller's share; TooManyRequests where that is used up."""
        self.rate.check(caller(request))


def caller(request: gr.Request) -> str:
    """Return who asks: a login, else the address (of a proxy in `trusted_proxies`, the address it names).

    The session of the page is no answer: a script makes a new one for each request.
    """
    address = request.client.host if request.client else ""
    return request.username or address


def told(error: Exception, *hidden: str | None) -> str:
    """An error as a line in the page; the place where an upload lies is nobody's business."""
    message = str(error)
    for path in hidden:
        message = message.replace(path, Path(path).name) if path else message
    return render.notice(message)


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """For the API, where an error is the caller's to see."""
    try:
        yield
    except PROBLEMS as error:
        raise gr.Error(str(error)) from error
