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
from sentiment.ui.questions import INPUTS, NEXT, WAITING, answer_to, hidden_answer, question_number, show_answer
from sentiment.ui.words import words as drawn

EXAMPLES = ["What a day!", "Not once did I look at my watch.", "Gorgeous to look at, hollow to sit through."]
EMPTY = render.empty("The answer will appear here.")
MARKING = '<p class="marking" role="status">Marking the words ...</p>'
MARK = f"""(number, shown) => (number && shown.includes('class="verdict"') ? {json.dumps(MARKING)} : undefined)"""
KEPT = 8  # answers of a session that can be corrected; one stands, others may be on their way
ASK = f"""(...inputs) => {{
  window.askedText = {INPUTS};
  return [{NEXT}, {json.dumps(WAITING)}, ""];
}}"""
# A change may be reported after the button was pressed for the very text: then the answer on its way is kept.
CHANGED = f"""(...inputs) => {{
  if ({INPUTS} === window.askedText) return;
  document.getElementById("clear").click();
  if (inputs[0] === window.chosenText) document.getElementById("classify").click();
}}"""
HIDE = '{ __type__: "update", visible: false }'
CHOOSE = """(now) => {
  window.chosenText = EXAMPLE;
  if (now === EXAMPLE) document.getElementById("classify").click();
  return EXAMPLE;
}"""
AGAIN = """(status) => {
  const failed = document.querySelector("#verdict .problem");
  if (failed && status.includes("status up")) document.getElementById("classify").click();
}"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A text of a session that has an answer."""

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
    number, answer, marks = question_number(), hidden_answer(), hidden_answer()
    answers: Any = gr.State({})  # Asked, by number
    correction = correction_form(desk, number, answers) if desk.corrections else []

    def classify(
        value: str, toward: str, number: str, answers: dict[str, Asked], request: gr.Request
    ) -> tuple[str, dict[str, Asked]]:
        try:
            desk.admit(request)
            [prediction] = desk.backend.predict([input_of(desk, value, toward)])
        except PROBLEMS as error:
            return answer_to(render_error(error), number), answers
        state = desk.backend.state()
        version = state.model.version if state.model else ""
        answers[number] = Asked(value, toward, prediction, version)
        for old in [*answers][:-KEPT]:
            del answers[old]
        return answer_to(render.answer(prediction, state), number), answers

    def describe(number: str, answers: dict[str, Asked]) -> list[Any]:
        """Offer what the answer that stands allows: a label to mark the words for, and a correction."""
        last = answers.get(number)
        prediction = last.prediction if last else None
        return [choice_of(prediction), *clear_correction(correction, prediction)]

    def explain(number: str, wanted: str | None, answers: dict[str, Asked]) -> str:
        """Mark the words of the answer that stands; of several labels those for the `wanted` one."""
        last = answers.get(number)
        if last is None or last.prediction.readable is False:
            return answer_to("", number, wanted)
        label = wanted if last.prediction.labels is not None and wanted else last.prediction.label
        try:
            marked = drawn(desk.backend.explain(input_of(desk, last.text, last.aspect), label))
        except PROBLEMS as error:
            marked = render.notice(f"The words are not marked: {error}", "hint")
        return answer_to(marked, number, wanted)

    # An older answer may be on its way while one is asked for ("multiple"); what is offered is of the last.
    pressing = [button.click, text.submit, aspect.submit]
    waiting = gr.on(pressing, None, [text, aspect], [number, result, words], js=ASK, **QUIET)
    asked = waiting.then(
        desk.turns.taken(classify),
        [text, aspect, number, answers],
        [answer, answers],
        trigger_mode="multiple",
        **AT_ONCE,
    )
    shown = show_answer(asked, answer, [number], result)
    offered = shown.then(describe, [number, answers], [target, *correction], trigger_mode="always_last", **AT_ONCE)
    explained = desk.turns.taken(explain)
    for wanted in (offered.then, target.input):
        marking = wanted(None, [number, result], words, js=MARK, **QUIET)
        marked = marking.then(explained, [number, target, answers], marks, trigger_mode="multiple", **AT_ONCE)
        show_answer(marked, marks, [number, target], words, waiting=MARKING, failed="")
    # The browser itself clears an answer, so that it never stands below another text, even if the server is down.
    offers = [target, *correction[:1]]
    cleared = json.dumps(["", EMPTY, ""])[:-1] + f", {HIDE}" * len(offers) + "]"
    clear.click(None, None, [number, result, words, *offers], js=f"() => {cleared}", **QUIET)
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


def correction_form(desk: AppState, number: Any, answers: Any) -> list[Any]:
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

    def correct(
        one: str | None, many: list[str] | None, number: str, answers: dict[str, Asked], request: gr.Request
    ) -> str:
        last = answers.get(number)
        if last is None:
            return render.notice("Classify the text first.")
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

    send.click(desk.turns.taken(correct), [label, several, number, answers], thanks, **AT_ONCE)
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
