"""The field for an aspect, shown where the model reads each text with one."""

from typing import Any

import gradio as gr

from sentiment.errors import RequestError
from sentiment.inference.pairs import Pair, Text
from sentiment.protocol.validation import check_aspect, check_text
from sentiment.ui.app_state import AT_ONCE, AppState

INFO = "What the text is about: a product, a person, a second text"


def aspect_field(desk: AppState, status: Any, *, label: str = "Aspect", elem_id: str | None = None) -> Any:
    """Build a text box that is visible while the served model reads aspects."""
    own = reads_aspects(desk)
    lines: Any = {"lines": 1, "max_lines": 4, "min_width": 280}
    field: Any = gr.Textbox(label=label, info=about(desk), visible=own, elem_id=elem_id, **lines)

    def shown() -> Any:
        return gr.Textbox(visible=reads_aspects(desk), info=about(desk))

    status.change(shown, None, field, **AT_ONCE)
    return field


def about(desk: AppState) -> str:
    """Say what an aspect is, and which one a text without one is read with."""
    model = desk.backend.state().model
    return f"{INFO}. Left empty: {model.default_aspect}" if model and model.default_aspect else INFO


def reads_aspects(desk: AppState) -> bool:
    model = desk.backend.state().model
    return model is not None and model.aspects


def input_of(desk: AppState, text: str, aspect: str | None, name: str = "text") -> Text:
    """Return what the model reads of the fields; a hidden field is not read.

    Raises:
        RequestError: The text or the aspect cannot be scored.
    """
    model = desk.backend.state().model
    checked = check_text(text, name)
    if model is None or not model.aspects or (not (aspect or "").strip() and model.default_aspect):
        return checked
    own = aspect or ""
    if not own.strip():
        raise RequestError(f"the aspect of {name} is empty; say what the text is about, since this model reads both")
    return Pair(checked, check_aspect(own, f"the aspect of {name}"))
