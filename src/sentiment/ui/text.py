"""The text tab: classify one text, mark its words, and correct the label."""

import json
from dataclasses import dataclass
from typing import Any

import gradio as gr

from sentiment.inference.types import Prediction, list_labels
from sentiment.ui import render
from sentiment.ui.app_state import AT_ONCE, PROBLEMS, QUIET, AppState, render_error
from sentiment.ui.aspect import aspect_field, input_of
from sentiment.ui.feedback import Correction
from sentiment.ui.purpose import purpose
from sentiment.ui.words import words as drawn

EXAMPLES = ["What a day!", "Not once did I look at my watch.", "Gorgeous to look at, hollow to sit through."]
EMPTY = render.empty("The answer will appear here.")
WAITING = render.empty("Asking the model ...")
CHANGED = """(text, aspect) => {
  if (JSON.stringify([text, aspect]) === window.askedText) return;
  document.getElementById("clear").click();
  if (text === window.chosenText) document.getElementById("classify").click();
}"""
CHOOSE = """(now) => {
  window.chosenText = EXAMPLE;
  if (now === EXAMPLE) document.getElementById("classify").click();
  return EXAMPLE;
}"""
AGAIN = """(status) => {
  const failed = document.querySelector("#verdict .problem");
  if (failed && status.includes("status up")) document.getElementById("classify").click();
}"""
FAILED = render.notice("The page could not ask the model; try again.")


@dataclass(frozen=True, slots=True)
class Asked:
    """The last text of a session that has an answer."""

    text: str
    aspect: str  # as typed
    prediction: Prediction
    version: str


def text_tab(desk: AppState, status: Any) -> None:
    about = gr.HTML()
    text: Any = gr.Textbox(
        label="Text", info="Ctrl and Enter, or the button", lines=4, max_lines=12, autofocus=True, elem_id="text"
    )
    aspect = aspect_field(desk, status, elem_id="aspect")
    button = gr.Button("Classify", variant="primary", elem_id="classify", elem_classes="submit")
    clear = gr.Button("Clear", visible="hidden", elem_id="clear")
    with gr.Row(elem_classes="examples"):
        examples = [gr.Button(example, size="sm") for example in EXAMPLES]
    result = gr.HTML(EMPTY, elem_id="verdict")
    target: Any = gr.Dropdown(label="Mark the words for", visible=False, interactive=True, elem_id="target")
    words = gr.HTML(elem_id="words")
    asked: Any = gr.State(None)
    correction = correction_form(desk, asked) if desk.corrections else []

    def classify(value: str, toward: str, request: gr.Request) -> list[Any]:
        try:
            desk.admit(request)
            [prediction] = desk.backend.predict([input_of(desk, value, toward)])
        except PROBLEMS as error:
            return [render_error(error), "", None, choice_of(None), *clear_correction(correction, None)]
        state = desk.backend.state()
        version = state.model.version if state.model else ""
        last = Asked(value, toward, prediction, version)
        return [
            render.answer(prediction, state),
            "",
            last,
            choice_of(prediction),
            *clear_correction(correction, prediction),
        ]

    def explain(last: Asked | None, wanted: str | None) -> str:
        """Compute the word attributions after the prediction is shown; of several labels those for the `wanted` one."""
        if last is None or last.prediction.readable is False:
            return ""
        label = wanted if last.prediction.labels is not None and wanted else last.prediction.label
        try:
            return drawn(desk.backend.explain(input_of(desk, last.text, last.aspect), label))
        except PROBLEMS as error:
            return render.notice(f"The words are not marked: {error}", "hint")

    shown = [result, words, asked, target, *correction]
    # The browser clears the old answer itself, so that it never appears below another text, even if the server is down.
    # Pending requests for the old text are cancelled.
    asking = (
        f"(text, aspect) => {{ window.askedText = JSON.stringify([text, aspect]); "
        f"return {json.dumps([WAITING, ''])}; }}"
    )
    pressing = [button.click, text.submit, aspect.submit]
    waiting = gr.on(pressing, None, [text, aspect], [result, words], js=asking, **QUIET)
    pressed = waiting.then(classify, [text, aspect], shown, api_visibility="private", show_progress_on=result)
    pressed.failure(None, None, [result, words], js=replace_answer(FAILED), **QUIET)
    marking = [
        pressed.success(explain, [asked, target], words, **QUIET),
        target.input(explain, [asked, target], words, **QUIET),
    ]
    clear.click(None, None, [result, words], js=replace_answer(EMPTY), cancels=[pressed, *marking], **QUIET)
    # A change may be reported after the button was pressed for the very text: then the answer on its way is kept.
    for field in (text, aspect):
        field.change(None, [text, aspect], None, js=CHANGED, **QUIET)
    for chosen, example in zip(examples, EXAMPLES, strict=True):
        chosen.click(None, text, text, js=CHOOSE.replace("EXAMPLE", json.dumps(example)), **QUIET)
    status.change(None, status, None, js=AGAIN, **QUIET)  # once the server is back
    status.change(lambda: purpose(desk), None, about, **AT_ONCE)


def choice_of(prediction: Prediction | None) -> Any:
    """Offer the labels whose words may be marked, where a text has several, the most probable one chosen."""
    if prediction is None or prediction.labels is None:
        return gr.Dropdown(visible=False)
    shares = prediction.probabilities
    return gr.Dropdown(choices=[*shares], value=max(shares, key=shares.__getitem__), visible=True)


def replace_answer(html: str) -> str:
    """Return JavaScript that replaces the answer with `html` and clears the words."""
    return f"() => [{json.dumps(html)}, '']"


def correction_form(desk: AppState, asked: Any) -> list[Any]:
    """Build the correction form, and return the parts that a new answer resets: group, choices and confirmation."""
    with gr.Column(visible=False, elem_classes="correction") as group:
        label = gr.Radio(
            label="Not right? Choose the label it should have",
            info="The text and your label are kept in a file on this server, for training.",
        )
        several = gr.CheckboxGroup(
            label="Not right? Choose all labels that it should have, or none",
            info="The text and your labels are kept in a file on this server, for training.",
            visible=False,
        )
        send = gr.Button("Send correction", size="sm")
    thanks = gr.HTML()

    def correct(one: str | None, many: list[str] | None, last: Asked | None, request: gr.Request) -> str:
        assert last
        chosen = one if last.prediction.labels is None else many or []
        if chosen is None:
            return render.notice("Choose a label first.")
        assert desk.corrections
        try:
            desk.admit(request)
            read = input_of(desk, last.text, last.aspect)
            desk.corrections.add(Correction.of(read, chosen, last.prediction, last.version))
        except PROBLEMS as error:
            return render_error(error)
        shown = chosen if isinstance(chosen, str) else list_labels(chosen) or "none of the labels"
        return render.notice(f"Saved as {shown}. Thank you.", "done")

    send.click(correct, [label, several, asked], thanks, api_visibility="private")
    gr.on([label.input, several.input], None, None, thanks, js="() => ''", **QUIET)
    return [group, label, several, thanks]


def clear_correction(correction: list[Any], prediction: Prediction | None) -> list[Any]:
    if not correction:
        return []
    labels = list(prediction.probabilities) if prediction else []
    many = prediction is not None and prediction.labels is not None
    given = list(prediction.labels or ()) if prediction else []
    return [
        gr.Column(visible=bool(labels)),
        gr.Radio(choices=labels, value=None, visible=not many),
        gr.CheckboxGroup(choices=labels, value=given, visible=many),
        "",
    ]
