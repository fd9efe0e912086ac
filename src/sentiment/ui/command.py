"""The command `sentiment ui`."""

import os
from pathlib import Path
from typing import Annotated

from annotated_types import Gt

from sentiment.ports import Port, check_free
from sentiment.schema import Classifier
from sentiment.ui.backend import backend
from sentiment.ui.feedback import Corrections
from sentiment.ui.limits import Rate


def launch(
    *,
    engine: Classifier,
    management_url: str | None = None,
    run: Path | None = None,
    feedback: Path | None = None,
    host: str = "127.0.0.1",
    port: Port = 7860,
    auth: tuple[str, str] | None = None,
    max_file_mb: Annotated[int, Gt(0)] = 50,
    per_minute: Annotated[int, Gt(0)] = 60,
    queue: Annotated[int, Gt(0)] = 64,
    at_once: Annotated[int, Gt(0)] = 4,
) -> None:
    """Serve the page until Ctrl-C.

    `run` gives the model tab its scores and figures; `auth` is a user name and a password; `per_minute` bounds the
    requests of one session, `queue` those that wait, `at_once` those under way.
    """
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from sentiment.ui.desk import Desk
    from sentiment.ui.page import STATIC, page, theme

    check_free(host, port, "port")
    run = Path(run) if run else None
    desk = Desk(
        backend=backend(engine, management_url=management_url, run=run),
        rate=Rate(per_minute),
        corrections=Corrections(Path(feedback)) if feedback else None,
        run=run,
    )
    page(desk, max_file_mb=max_file_mb).queue(max_size=queue, default_concurrency_limit=at_once).launch(
        server_name=host,
        server_port=port,
        show_error=True,
        max_file_size=max_file_mb * 1_000_000,
        auth=tuple(auth) if auth else None,
        theme=theme(),
        css_paths=STATIC / "page.css",
        favicon_path=STATIC / "favicon.svg",
        footer_links=["api", "settings"],
        ssr_mode=False,
    )
