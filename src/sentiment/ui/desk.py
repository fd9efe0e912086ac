"""State shared by all tabs: backend, limits, storage, corrections file and run."""

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
class AppState:
    backend: Backend
    rate: Rate
    corrections: Corrections | None
    run: Path | None
    storage: Storage
    tables: Limits

    def admit(self, request: gr.Request) -> None:
        """Count a request against its caller's rate limit.

        Raises:
            TooManyRequestsError: The limit is used up.
        """
        self.rate.check(caller(request))


def caller(request: gr.Request) -> str:
    """Return the login of a request, or else its client address (behind a trusted proxy, the forwarded one).

    The session id would not identify a caller: a script gets a new one for each request.
    """
    address = request.client.host if request.client else ""
    return request.username or address


def told(error: Exception, *hidden: str | None) -> str:
    """Render an error as a notice; `hidden` paths are reduced to file names, since upload folders are private."""
    message = str(error)
    for path in hidden:
        message = message.replace(path, Path(path).name) if path else message
    return render.notice(message)


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """Convert known errors to gr.Error, so that API callers see the message."""
    try:
        yield
    except PROBLEMS as error:
        raise gr.Error(str(error)) from error
