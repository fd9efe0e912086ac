"""The status line: shows whether the model answers, and polls without a page reload."""

from typing import Any

import gradio as gr

from sentiment.ui import render
from sentiment.ui.app_state import AT_ONCE, AppState

EVERY = 4.0  # s, polling interval of an open page


def status_line(blocks: Any, desk: AppState) -> Any:
    """Build the status line; its change event notifies the tabs that the server's state changed."""
    line = gr.HTML(elem_id="status")

    def look(shown: str | None) -> Any:
        found = render.status(desk.backend.state(), desk.backend.where)
        return gr.skip() if found == shown else found

    blocks.load(look, line, line, **AT_ONCE)
    gr.Timer(EVERY).tick(look, line, line, **AT_ONCE)
    return line
