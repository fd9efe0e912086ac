"""The line that says whether the model answers; it looks again by itself, with no reload."""

from typing import Any

import gradio as gr

from sentiment.ui import render
from sentiment.ui.desk import Desk

EVERY = 4.0  # s between two looks of an open page


def status_line(blocks: Any, desk: Desk) -> Any:
    """The line, whose change tells the tabs that the server went or came back."""
    line = gr.HTML(elem_id="status")

    def look(shown: str | None) -> Any:
        found = render.status(desk.backend.state(), desk.backend.where)
        return gr.skip() if found == shown else found

    quiet: Any = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    blocks.load(look, line, line, **quiet)
    gr.Timer(EVERY).tick(look, line, line, **quiet)
    return line
