"""The command `sentiment ui`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from annotated_types import Gt
from starlette.middleware import Middleware

from sentiment.data.tables import Limits
from sentiment.errors import ConfigError
from sentiment.inference.types import Classifier
from sentiment.serving.exposure import is_loopback
from sentiment.serving.ports import Port, check_free
from sentiment.ui.backend import backend
from sentiment.ui.feedback import Corrections
from sentiment.ui.limits import Rate
from sentiment.ui.storage import MB, Guard, Storage, page_folder

INFLATION = 10  # times max_file_mb that a compressed table may have, decompressed
LONGEST_LINE = 1_000_000  # characters of a line of CSV or JSON, bytes of a value of Parquet
LOGINS = 10  # tries of one address in a minute


def launch(
    *,
    engine: Classifier,
    management_url: str | None = None,
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
        engine: Answers the texts: a client of a server, or a model in this process.
        management_url: Lists the versions to compare; None: a visitor types them.
        run: Gives the model tab its scores and figures.
        feedback: The file that corrections go to; None: the page asks for none.
        host: The address to listen on.
        port: Its port.
        published: Where a container engine publishes the port; None: `host`. Beyond this machine the page wants `auth`.
        auth: A user name and a password, or "name:password"; None or "": no login.
        insecure: Listen beyond this machine without a login, where a proxy or a firewall keeps strangers out.
        trusted_proxies: Addresses whose X-Forwarded-For names the visitor that limits count.
        max_file_mb: Of an uploaded table, in megabytes; decompressed it may have INFLATION times as many.
        max_rows: Of an uploaded table.
        max_storage_mb: Of all tables and results at a time, in megabytes; a visitor may have a quarter.
        keep_minutes: How long a table and its result stay.
        per_minute: Requests of one visitor, by login or address.
        queue: Requests that wait; more are refused.
        at_once: Requests under way.

    Raises:
        ConfigError: The page would be open to strangers, or `auth` is no name and password.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ["FORWARDED_ALLOW_IPS"] = ",".join(trusted_proxies)  # read by uvicorn, which trusts 127.0.0.1 otherwise
    login = checked_login(auth, host=published or host, insecure=insecure)
    check_free(host, port, "port")
    limits = Limits(bytes=max_file_mb * MB * INFLATION, rows=max_rows, line=LONGEST_LINE)
    with page_folder() as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(folder)
        storage = Storage(folder, most=max_storage_mb * MB, seconds=keep_minutes * 60)
        from sentiment.ui.desk import Desk
        from sentiment.ui.page import STATIC, page, theme

        run = Path(run) if run else None
        desk = Desk(
            backend=backend(engine, management_url=management_url, run=run),
            rate=Rate(per_minute),
            corrections=Corrections(Path(feedback)) if feedback else None,
            run=run,
            storage=storage,
            tables=limits,
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
                css_paths=STATIC / "page.css",
                favicon_path=STATIC / "favicon.svg",
                footer_links=["api", "settings"],
                ssr_mode=False,
                app_kwargs={"middleware": [guard]},
            )


def checked_login(auth: Sequence[str] | str | None, *, host: str, insecure: bool) -> tuple[str, str] | None:
    """Return name and password; ConfigError where they are missing and the page is open to other machines."""
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
