"""The compare tab: two predictions side by side, for two texts or two model versions."""

import json
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr

from sentiment.inference.pairs import Text
from sentiment.inference.types import Prediction, list_labels, names_of
from sentiment.protocol.validation import check_text
from sentiment.ui import render
from sentiment.ui.app_state import AT_ONCE, PROBLEMS, QUIET, AppState, render_error
from sentiment.ui.aspect import aspect_field, input_of, reads_aspects
from sentiment.ui.backend import Served
from sentiment.ui.questions import INPUTS, NEXT, WAITING, answer_to, hidden_answer, question_number, show_answer

TEXTS, VERSIONS = "Two texts", "Two versions"
EMPTY = render.empty("Both answers will appear here, side by side.")
ASK = f"(...inputs) => {{ window.compared = {INPUTS}; return [{NEXT}, {json.dumps(WAITING)}]; }}"
CHANGED = f"(...inputs) => ({INPUTS} === window.compared ? undefined : {json.dumps(['', EMPTY])})"


def compare_tab(tab: Any, desk: AppState, status: Any) -> None:
    served = isinstance(desk.backend, Served)
    mode = gr.Radio([TEXTS, VERSIONS], value=TEXTS, label="Compare", visible=served)
    with gr.Row():
        first = gr.Textbox(label="First text", lines=3, max_lines=8, min_width=280)
        second = gr.Textbox(label="Second text", lines=3, max_lines=8, min_width=280)
    with gr.Row():
        toward = aspect_field(desk, status, label="Aspect of the first text")
        other = aspect_field(desk, status, label="Aspect of the second text")
    with gr.Row(visible=False) as row:
        left = gr.Dropdown(label="First version", allow_custom_value=True)
        right = gr.Dropdown(label="Second version", allow_custom_value=True)
    button = gr.Button("Compare", variant="primary", elem_classes="submit")
    result = gr.HTML(EMPTY, elem_id="compared")
    number, answer = question_number(), hidden_answer()

    def switch(value: str) -> list[Any]:
        versions = value == VERSIONS
        label = "Text" if versions else "First text"
        second_aspect = gr.Textbox(visible=not versions and reads_aspects(desk))
        texts = [gr.Textbox(label=label), gr.Textbox(visible=not versions), second_aspect]
        return [*texts, gr.Row(visible=versions), "", EMPTY]

    def listed() -> list[Any]:
        names = [version.version for version in desk.backend.versions() or ()]
        info = None if names else "Type one, such as 1.0: the server lists none to this page"
        return [gr.Dropdown(choices=names, value=names[i] if names else None, info=info) for i in (0, -1)]

    def compare(
        number: str, value: str, a: str, b: str, of_a: str, of_b: str, v: str | None, w: str | None, request: gr.Request
    ) -> str:
        try:
            desk.admit(request)
            if value == TEXTS:
                both = input_of(desk, a, of_a, "the first text"), input_of(desk, b, of_b, "the second text")
                found = texts_compared(desk, *both)
            else:
                one, other = check_text(v or "", "the first version"), w or ""
                found = versions_compared(desk, input_of(desk, a, of_a), one, other)
        except PROBLEMS as error:
            found = render_error(error)
        return answer_to(found, number)

    mode.change(switch, mode, [first, second, other, row, number, result], **AT_ONCE)
    if served:
        tab.select(listed, None, [left, right], **AT_ONCE)
    inputs = [first, second, toward, other, left, right]
    pressing = [button.click, first.submit, second.submit]
    waiting = gr.on(pressing, None, inputs, [number, result], js=ASK, **QUIET)
    asked = waiting.then(desk.turns.taken(compare), [number, mode, *inputs], answer, trigger_mode="multiple", **AT_ONCE)
    show_answer(asked, answer, [number], result)
    gr.on([field.change for field in inputs], None, inputs, [number, result], js=CHANGED, **QUIET)


def texts_compared(desk: AppState, first: Text, second: Text) -> str:
    state = desk.backend.state()
    a, b = desk.backend.predict([first, second])
    panels = render.answer(a, state, title="First text") + render.answer(b, state, title="Second text")
    return side_by_side(panels, sentence(a, b, "text"))


def versions_compared(desk: AppState, text: Text, first: str, second: str) -> str:
    check_text(second, "the second version")
    state = desk.backend.state()
    if state.model:  # how other versions decide is not known here
        state = replace(state, model=replace(state.model, task=None))
    [a], [b] = desk.backend.predict([text], first), desk.backend.predict([text], second)
    panels = render.answer(a, state, title=f"Version {first}") + render.answer(b, state, title=f"Version {second}")
    return side_by_side(panels, sentence(a, b, "version"))


def side_by_side(panels: str, told: str) -> str:
    return f'<p class="outcome" role="status">{told}</p><div class="pair">{panels}</div>'


def outcome(one: Prediction, what: str) -> str:
    """Return the answer of a text, or of a version, as the end of a sentence."""
    if one.readable is False:
        return "cannot be read" if what == "text" else "cannot read it"
    if one.abstained:
        return "is left to a person" if what == "text" else "leaves it to a person"
    return f"is {list_labels(names_of(one.answer)) or 'none of the labels'}"


def sentence(a: Prediction, b: Prediction, what: str) -> str:
    """Describe the difference between two predictions in words; one without grounds has no label to compare."""
    if not (a.decided and b.decided):
        first, second = outcome(a, what), outcome(b, what)
        return escape(f"They cannot be compared: the first {what} {first}, the second {second}.")
    if a.labels is not None:
        first, second = (list_labels(one.labels or ()) or "none of the labels" for one in (a, b))
        if a.labels == b.labels:
            return escape(f"Both are {first}.")
        return escape(f"They differ: the first {what} is {first}, the second {second}.")
    if a.label != b.label:
        return escape(f"They differ: the first {what} is {a.label}, the second {b.label}.")
    if abs(a.score - b.score) < 0.005:
        return escape(f"Both are {a.label}, and equally so.")
    more, by = ("first", a.score - b.score) if a.score > b.score else ("second", b.score - a.score)
    return escape(f"Both are {a.label}, the {more} {what} more so, by {100 * by:.1f} points.")
