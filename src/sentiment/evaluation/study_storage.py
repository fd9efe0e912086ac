"""Error handling for the Optuna study's database: locked, full or damaged, it gives a one-line error."""

from collections.abc import Iterator
from contextlib import contextmanager

from sentiment.errors import ConfigError


@contextmanager
def readable(storage: str) -> Iterator[None]:
    """Turn the errors of the study's database within the block into a ConfigError."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import DatabaseError

    try:
        yield
    except (DatabaseError, StorageInternalError) as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        reason = str(cause).splitlines()[0]
        if "locked" in reason:
            fix = "another process holds it; let it end, or give the search its own hydra.sweeper.storage"
        else:
            fix = "restore it, or move it away and search under another run_name"
        raise ConfigError(f"{storage}: the study cannot be read ({reason}); {fix}") from error
