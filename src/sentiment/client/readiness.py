"""Readiness and liveness checks; /ping alone is not enough: it reports Healthy while a model loads or has failed to."""

import logging
import time
from dataclasses import replace
from typing import Literal

from sentiment.client.inference import Client
from sentiment.client.management import Management
from sentiment.errors import BusyError, ClientError, RejectedError
from sentiment.protocol.validation import CANARY

log = logging.getLogger(__name__)

ONCE_MORE = (0.0,)  # one retry, in case the token has just been renewed
EVERY = 0.2  # s, polling interval


Check = Literal["ready", "live"]


def ready(*, engine: Client, wait: float = 0.0, check: Check = "ready") -> None:
    """Wait until the check passes, for at most `wait` seconds.

    "ready" needs an answer to a canary text, and a READY worker if the client has a `management_url`.
    "live" needs an answer of TorchServe itself, whatever the state of its workers: there is no reason to restart it.

    Raises:
        ClientError: The check still failed at the end.
    """
    wait_until_ready(engine, management_url=engine.management_url, seconds=wait, check=check)
    log.info("%s at %s is %s", engine.model if check == "ready" else "the server", engine.url, check)


def wait_until_ready(
    client: Client, *, management_url: str | None = None, seconds: float, check: Check = "ready"
) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            return look(client, management_url) if check == "ready" else ping(client)
        except ClientError as error:
            if time.monotonic() >= deadline:
                raise
            log.debug("not yet: %s", error)
        time.sleep(EVERY)


def look(client: Client, management_url: str | None = None) -> None:
    """Check readiness once. Raises ClientError if the model is not ready."""
    if management_url:
        name, _, version = client.model.partition("/")
        trust = client.tls_of(management_url)
        try:
            with Management(url=management_url, key_file=client.key_file, pauses=ONCE_MORE, **trust) as management:
                if not management.version(name, version or None).ready:
                    raise BusyError(
                        f"{client.model} at {client.url} has no worker that is ready; wait, or see: sentiment models"
                    )
        except ClientError:
            if client.is_managed():  # a server without a management API is asked for an answer alone
                raise
    with replace(client, pauses=ONCE_MORE) as once:
        try:
            once.predict([CANARY])
        except RejectedError:
            if not once.describe().aspects:
                raise
            once.predict([CANARY], "model")


def ping(client: Client) -> None:
    """Check liveness once, without calling a worker. Raises ClientError if the server does not answer."""
    with replace(client, pauses=ONCE_MORE) as once:
        once.ping()
