"""The ui command."""

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

from annotated_types import Gt
from starlette.middleware import Middleware

from sentiment.console import stop_on_signals
from sentiment.data.tables import Limits
from sentiment.errors import ConfigError
from sentiment.inference.types import Classifier
from sentiment.remote import local_copy
from sentiment.serving.exposure import is_loopback
from sentiment.serving.ports import Port, check_free
from sentiment.ui.backend import backend
from sentiment.ui.feedback import Corrections
from sentiment.ui.limits import Rate
from sentiment.ui.storage import MB, Guard, Storage, page_folder

INFLATION = 10  # size limit of a decompressed table, in units of max_file_mb
LONGEST_LINE = 1_000_000  # limit of a CSV or JSON line in characters, of a Parquet value in bytes
LOGINS = 10  # login attempts per minute of one address


def launch(
    *,
    engine: Classifier,
    run: Path | None = None,
    feedback: Path | None = None,
    host: str = "127.0.0.1",
    port: Port = 7860,
    published: str | None = None,
    auth: tuple[str, str] | str | None = None,
    insecure: bool = False,
    trusted_proxies: Sequence[str] = (),
    max_file_mb: Annotated[int, Gt(0)] = 50,
    max_rows: Annotated[int, Gt(0)] = 200_000,
    max_storage_mb: Annotated[int, Gt(0)] = 1000,
    keep_minutes: Annotated[float, Gt(0)] = 60.0,
    per_minute: Annotated[int, Gt(0)] = 60,
    queue: Annotated[int, Gt(0)] = 64,
    at_once: Annotated[int, Gt(0)] = 4,
) -> None:
    """Serve the page until Ctrl-C.

    Args:
        engine: Computes the predictions: a client of a server, or a model in this process. A client's `management_url`
            lists the versions to compare; without one, visitors type them.
        run: Run directory whose scores and figures the model tab shows.
        feedback: The file that stores corrections; None: corrections are off.
        host: The address to listen on.
        port: The port to listen on.
        published: The host address at which a container engine publishes the port; default: `host`. Login is required
            unless it is loopback.
        auth: User name and password, or "name:password"; None or "": no login.
        insecure: Allow other machines without a login, if a proxy or firewall restricts access.
        trusted_proxies: Addresses of proxies whose X-Forwarded-For identifies the visitor for rate limits.
        max_file_mb: Size limit of an uploaded table, in MB; decompressed, INFLATION times as much.
        max_rows: Row limit of an uploaded table.
        max_storage_mb: Size limit of all stored tables and results, in MB; a visitor may use a quarter.
        keep_minutes: Lifetime of a table and its result, in minutes.
        per_minute: Rate limit of a visitor (login or address), in requests per minute.
        queue: Limit of waiting requests; more are refused.
        at_once: Limit of concurrent requests.

    Raises:
        ConfigError: The page would be exposed without a login, or `auth` is malformed.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # Gradio prints the address, which a log file must have at once
    os.environ["FORWARDED_ALLOW_IPS"] = ",".join(trusted_proxies)  # read by uvicorn, which trusts 127.0.0.1 by default
    login = check_login(auth, host=published or host, insecure=insecure)
    check_free(host, port, "port")
    limits = Limits(bytes=max_file_mb * MB * INFLATION, rows=max_rows, line=LONGEST_LINE)
    stop_on_signals()  # a page that SIGTERM ended at once would leave its folder
    with page_folder() as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(folder)
        storage = Storage(folder, most=max_storage_mb * MB, seconds=keep_minutes * 60)
        from sentiment.ui.app_state import AppState, Turns
        from sentiment.ui.page import STATIC, page, scripts, styles, theme

        run = local_copy(run) if run else None
        desk = AppState(
            backend=backend(engine, run=run),
            rate=Rate(per_minute),
            corrections=Corrections(Path(feedback)) if feedback else None,
            run=run,
            storage=storage,
            tables=limits,
            turns=Turns(at_once, queue),
        )
        guard = Middleware(Guard, storage=storage, logins=Rate(LOGINS), most=max_file_mb * MB)
        with storage.cleaning():
            page(desk, max_file_mb=max_file_mb).queue(max_size=queue, default_concurrency_limit=at_once).launch(
                server_name=host,
                server_port=port,
                show_error=True,
                max_file_size=max_file_mb * MB,
                auth=login,
                theme=theme(),
                css=styles(),
                head=scripts(),
                favicon_path=STATIC / "favicon.svg",
                footer_links=[],  # Gradio's drawers are for developers; the end points are in the documentation
                ssr_mode=False,
                app_kwargs={"middleware": [guard]},
            )


def check_login(auth: Sequence[str] | str | None, *, host: str, insecure: bool) -> tuple[str, str] | None:
    """Return user name and password, or None if no login is configured.

    Raises:
        ConfigError: The page would be exposed without a login, or `auth` is malformed.
    """
    if not auth:
        if not insecure and not is_loopback(host, "host"):
            raise ConfigError(
                f"the page would answer anyone who reaches {host}; set auth=[NAME,PASSWORD] or the variable UI_AUTH, "
                "published=127.0.0.1 where a container's port is published on this machine alone, or insecure=true "
                "where a proxy keeps strangers out"
            )
        return None
    name, password = auth.partition(":")[::2] if isinstance(auth, str) else auth
    if not name or not password:
        raise ConfigError("auth: expected a name and a password, as [NAME,PASSWORD] or NAME:PASSWORD")
    return name, password
