"""Exceptions shown to users. Each message states the problem, the value received and the fix.

SentimentError
├── ConfigError             a key, type or value of the configuration
│   └── MissingPackageError a package of an extra that is not installed
├── DataError               a file, column, label or text
│   └── TextError           a text that cannot be cleaned or tokenized, with its index
├── ModelError              a backbone, checkpoint or export folder
├── DamagedFileError        a file that is truncated, empty, or not in its format (JSON, UTF-8)
├── ServingError            TorchServe or Java on this machine
├── ClientError             an error response of a server, or no response
│   ├── UnreachableError    no response
│   ├── UntrustedError      the certificate is not trusted, or the server has no TLS
│   ├── UnauthorizedError   the token was rejected, or its file is invalid
│   ├── NotFoundError       no such model or version
│   ├── RejectedError       the request is invalid; a retry cannot succeed
│   ├── BusyError           the queue is full, or no worker is ready, or it died
│   └── ServerError         the server failed, or its response cannot be parsed
├── ClusterError            a cluster of Ray or Slurm that is unreachable, takes no jobs or lost its tasks
├── RefusedError            a new version failed its checks and is not deployed
├── TooManyRequestsError    a user of the web page exceeds the rate limit
├── RowsRejectedError       a batch job finished, but some rows could not be scored
├── ModelChangedError       the served model changed during a batch job
├── MonitorAlertError    the monitor found a change or drift that fail_on names
├── VerificationError       an output differs from its summary, or from a new prediction
├── PrunedError             a sweep trial stopped early because it is behind the others
└── InterruptedRunError     stopped by Ctrl-C; progress is saved
"""

from collections.abc import Iterator, Sequence, Sized
from contextlib import contextmanager
from typing import Any, Literal

EXIT_CODES = {
    0: "done",
    1: "failed",
    2: "wrong input",
    3: "some rows rejected",
    4: "what monitor's fail_on names",
    130: "stopped by Ctrl-C",
}


class SentimentError(Exception):
    """The base of every error that a user can correct; `exit_code` is what the command ends with."""

    exit_code = 1


class ConfigError(SentimentError):
    exit_code = 2


class MissingPackageError(ConfigError, ImportError):
    """Packages that are not installed; the message names the extras that bring them."""

    def __init__(self, what: str, *, modules: Sequence[str], extras: Sequence[str]) -> None:
        more = f" and {len(modules) - 3} more packages" if len(modules) > 4 else ""
        names = ", ".join(modules[:3] if more else modules)
        super().__init__(f"{what} needs {names}{more}; pip install 'bert-sentiment[{','.join(extras)}]'")


class DataError(SentimentError):
    exit_code = 2


class TextError(DataError):
    """Text that cannot be read.

    Args:
        problem: What is wrong with it, without its place.
        index: Its position among the given texts.
        reason: A label of the metrics.
        place: Its name in the message, such as "texts[2]"; "" names none.
    """

    def __init__(self, problem: str, *, index: int, reason: "Reason" = "unreadable", place: str = "") -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.problem, self.index, self.reason, self.place = problem, index, reason, place

    def __reduce__(self) -> Any:  # Ray actors pickle it for their caller
        return _text_error, (self.problem, self.index, self.reason, self.place)


@contextmanager
def placing(texts: Sized, index: int | None = None) -> Iterator[None]:
    """Let a TextError name its text, if it is not alone in the list; `index` is that of the only text under way."""
    try:
        yield
    except TextError as error:
        at = error.index if index is None else index
        place = f"texts[{at}]" if len(texts) > 1 else ""
        raise TextError(error.problem, index=at, reason=error.reason, place=place) from error.__cause__


def _text_error(problem: str, index: int, reason: "Reason", place: str) -> TextError:
    return TextError(problem, index=index, reason=reason, place=place)


class ModelError(SentimentError):
    exit_code = 2


class DamagedFileError(SentimentError, ValueError):
    exit_code = 2


class ServingError(SentimentError):
    pass


class ClientError(SentimentError):
    """Failed request to a server; `status` is the HTTP status, None without a response."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class UnreachableError(ClientError):
    pass


class UntrustedError(ClientError):
    pass


class UnauthorizedError(ClientError):
    pass


class NotFoundError(ClientError):
    pass


class RejectedError(ClientError):
    pass


class BusyError(ClientError):
    pass


class ServerError(ClientError):
    pass


class ClusterError(SentimentError):
    pass


class RefusedError(SentimentError):
    pass


class TooManyRequestsError(SentimentError):
    pass


class RowsRejectedError(SentimentError):
    exit_code = 3


class ModelChangedError(SentimentError):
    pass


class MonitorAlertError(SentimentError):
    exit_code = 4


class VerificationError(SentimentError):
    pass


class PrunedError(SentimentError):
    pass


class InterruptedRunError(SentimentError):
    exit_code = 130


def user_error(error: BaseException) -> SentimentError | None:
    """Find the user error in an exception or its causes; Hydra wraps the exceptions of targets.

    Returns:
        The SentimentError, an OSError converted to one, or None if the exception is a defect.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, (SentimentError, OSError)):
        cause = cause.__cause__
    if cause is None and (foreign := store_error(error)):
        return foreign
    if isinstance(cause, OSError):
        text = f"{cause.strerror}: {cause.filename}" if cause.strerror and cause.filename else cause.strerror
        known = SentimentError(text or next(iter(str(cause).splitlines()), type(cause).__name__))
        known.__cause__ = cause
        return known
    return cause


STORES = (  # packages that fsspec opens object stores with
    "adlfs", "aiobotocore", "aiohttp", "azure", "botocore", "gcsfs", "google", "httpcore", "httpcore2", "httpx",
    "httpx2", "huggingface_hub", "requests",
)  # fmt: skip


def store_error(error: BaseException) -> SentimentError | None:
    """Describe an exception that an object store's package raised or caused; None if there is none."""
    cause: BaseException | None = error
    while cause is not None and type(cause).__module__.partition(".")[0] not in STORES:
        cause = cause.__cause__
    if cause is None:
        return None
    found = SentimentError(" ".join(str(cause).split()) or type(cause).__name__)
    found.__cause__ = cause
    return found


STATUS = {400: "Bad Request", 413: "Payload Too Large", 500: "Internal Server Error", 503: "Service Unavailable"}


Reason = Literal[  # rejection reason, a label of the metrics
    "wrong_form", "no_text", "empty_text", "not_unicode", "not_json", "too_long", "too_many", "unknown_label", "busy",
    "unreadable", "aspect", "internal",
]  # fmt: skip


class RequestError(ValueError):
    """Rejected request; `status` is a key of STATUS."""

    def __init__(self, message: str, *, status: int = 400, reason: Reason = "wrong_form") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after: int | None = None  # seconds

    def to_json(self) -> dict[str, Any]:
        return {"code": self.status, "type": STATUS[self.status].replace(" ", ""), "message": str(self)}
