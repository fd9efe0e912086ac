"""The exceptions a user can meet. Each message says what is wrong, what was got, and the fix.

SentimentError
├── ConfigError      a key, type or value of the configuration
├── DataError        a file, column, label or text
│   └── TextError        a text that cannot be cleaned or tokenized, by its place among those given
├── ModelError       a backbone, checkpoint or export folder
├── DamagedFileError a file that is not what its name says: cut, empty, no JSON, no UTF-8
├── ServingError     TorchServe or Java on this machine
├── ClientError      what a server answered, or that none answered
│   ├── Unreachable      no answer at all
│   ├── Untrusted        its certificate is not to be trusted, or it speaks no TLS
│   ├── Unauthorized     the token was refused, or its file is broken
│   ├── NotFound         no such model or version
│   ├── Rejected         this request cannot be answered, now or later
│   ├── Busy             no place in the queue, or no worker ready, or it died
│   └── ServerFault      the server failed, or answered what we cannot read
├── ClusterError     a Ray cluster that cannot be reached or that lost its work
├── Refused          a new version did not pass its checks, and is not put in place
├── TooManyRequests  a user of the page asks too often
├── RowsRejected     a batch job finished, but some rows could not be scored
├── ModelChangedError  another model answers than the one a batch job began with
├── VerificationError  an output is not what its summary says, or its model answers otherwise
├── Pruned           a trial given up where it fell behind the others
└── Interrupted      stopped by Ctrl-C, with the work saved
"""

from typing import Any, Literal


class SentimentError(Exception):
    exit_code = 1


class ConfigError(SentimentError):
    exit_code = 2


class DataError(SentimentError):
    exit_code = 2


class TextError(DataError):
    """`index` is the place of the text among those given."""

    def __init__(self, message: str, *, index: int) -> None:
        super().__init__(message)
        self.index = index

    def __reduce__(self) -> Any:  # actors of Ray send it to their caller
        return _text_error, (str(self), self.index)


def _text_error(message: str, index: int) -> TextError:
    return TextError(message, index=index)


class ModelError(SentimentError):
    exit_code = 2


class DamagedFileError(SentimentError, ValueError):
    exit_code = 2


class ServingError(SentimentError):
    pass


class ClientError(SentimentError):
    """`status` is the HTTP status of the answer, None where no answer came."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(ClientError):
    pass


class Untrusted(ClientError):
    pass


class Unauthorized(ClientError):
    pass


class NotFound(ClientError):
    pass


class Rejected(ClientError):
    pass


class Busy(ClientError):
    pass


class ServerFault(ClientError):
    pass


class ClusterError(SentimentError):
    pass


class Refused(SentimentError):
    pass


class TooManyRequests(SentimentError):
    pass


class RowsRejected(SentimentError):
    exit_code = 3


class ModelChangedError(SentimentError):
    pass


class VerificationError(SentimentError):
    pass


class Pruned(SentimentError):
    pass


class Interrupted(SentimentError):
    exit_code = 130


def user_error(error: BaseException) -> SentimentError | None:
    """What a user can mend, in one line, looked for among the causes too, as Hydra wraps what a target raises."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, (SentimentError, OSError)):
        cause = cause.__cause__
    if isinstance(cause, OSError):
        text = f"{cause.strerror}: {cause.filename}" if cause.strerror and cause.filename else cause.strerror
        return SentimentError(text or str(cause))
    return cause


STATUS = {400: "Bad Request", 413: "Payload Too Large", 500: "Internal Server Error", 503: "Service Unavailable"}


Reason = Literal[  # why a request is rejected, as the metrics count it
    "wrong_form", "no_text", "empty_text", "not_unicode", "not_json", "too_long", "too_many", "unknown_label", "busy",
    "unreadable", "internal",
]  # fmt: skip


class RequestError(ValueError):
    """A request that cannot be answered; `status` is one of STATUS, `reason` a word of Reason."""

    def __init__(self, message: str, *, status: int = 400, reason: Reason = "wrong_form") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after: int | None = None  # s

    def to_json(self) -> dict[str, Any]:
        return {"code": self.status, "type": STATUS[self.status].replace(" ", ""), "message": str(self)}
