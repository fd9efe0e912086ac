"""Questions and their answers: an answer shows only while its question stands.

The browser numbers its questions. An answer carries the number of its question and is shown if that one still stands,
so that answers may come in any order and no request has to be cancelled.
"""

import json
from typing import Any

import gradio as gr

from sentiment.ui import render
from sentiment.ui.app_state import QUIET

WAITING = render.empty("Asking the model ...")
FAILED = render.notice("The page could not ask the model; try again.")
INPUTS = 'JSON.stringify(inputs.map((input) => input ?? ""))'  # JavaScript, what a question asks with
NEXT = "String((window.question = (window.question ?? 0) + 1))"  # JavaScript, the number of a new question
SHOW = """(answer, ...now) => {
  const { of, html } = JSON.parse(answer);
  return JSON.stringify(of) === JSON.stringify(now) ? html : undefined;
}"""


def question_number() -> Any:
    """Build the hidden number of the question that stands; empty where none does."""
    return gr.Textbox(visible="hidden", show_label=False)


def hidden_answer() -> Any:
    """Build the hidden place of an answer that has come."""
    return gr.Textbox(visible="hidden", show_label=False)


def answer_to(html: str, *of: str | None) -> str:
    """Return an answer, as JSON, to what `of` names: the number of the question, and what else it was asked with."""
    return json.dumps({"of": of, "html": html})


def show_answer(
    asked: Any, answer: Any, of: list[Any], html: Any, *, waiting: str = WAITING, failed: str = FAILED
) -> Any:
    """Show the `answer` of an event in `html` if what it is `of` still stands; where none comes, `failed`."""
    fail = f"(shown) => (shown === {json.dumps(waiting)} ? {json.dumps(failed)} : undefined)"
    asked.failure(None, html, html, js=fail, **QUIET)
    return asked.success(None, [answer, *of], html, js=SHOW, **QUIET)
