"""Named API endpoints of the page, for scripts: plain values in and out, errors as messages."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from sentiment.config.extras import is_installed
from sentiment.data.tables.columns import usual_aspect
from sentiment.errors import DataError, RequestError
from sentiment.inference.pairs import UNKNOWN, Text
from sentiment.ui.app_state import AppState, errors_as_messages, model_of
from sentiment.ui.aspect import input_of, reads_aspects
from sentiment.ui.feedback import Correction
from sentiment.ui.file import TABLES, predict_upload
from sentiment.ui.label import correct_upload, list_texts, start_session
from sentiment.ui.labelling import COUNT
from sentiment.ui.table import open_upload

MOST = 1000  # texts suggested at a time


def end_points(desk: AppState) -> None:
    """Register the endpoints; /correct exists only if corrections are stored."""

    def classify(request: gr.Request, text: str, aspect: str = "") -> dict[str, Any]:
        return answer(request, text, aspect, None)

    def classify_version(request: gr.Request, text: str, version: str, aspect: str = "") -> dict[str, Any]:
        return answer(request, text, aspect, version)

    def answer(request: gr.Request, text: str, aspect: str, version: str | None) -> dict[str, Any]:
        with errors_as_messages():
            desk.admit(request)
            [prediction] = desk.backend.predict([given(text, aspect)], version)
            return prediction.to_json(details=True)

    def describe(request: gr.Request) -> dict[str, Any]:
        with errors_as_messages():
            desk.admit(request)
            return model_of(desk).to_json()

    def given(text: str, aspect: str) -> Text:
        if aspect and not model_of(desk).aspects:
            raise RequestError(UNKNOWN)
        return input_of(desk, text, aspect)

    def correct(request: gr.Request, text: str, label: str, aspect: str = "") -> str:
        with errors_as_messages():
            desk.admit(request)
            [prediction] = desk.backend.predict([given(text, aspect)])
            assert desk.corrections
            desk.corrections.add(Correction.of(given(text, aspect), label, prediction, model_of(desk).version))
            return "saved"

    def text_of(path: str, text_column: str | None) -> str:
        if text_column:
            return text_column
        table = open_upload(Path(path), desk.tables)
        if table.text is None:
            columns = ", ".join(table.columns[:20])
            raise DataError(f"no column is clearly the one with the texts; text_column: one of {columns}")
        return table.text

    def about_of(path: str, aspect_column: str | None) -> str | None:
        if aspect_column or not reads_aspects(desk):
            return aspect_column or None
        return usual_aspect(open_upload(Path(path), desk.tables).columns)

    def predict_table(
        path: str, text_column: str | None, aspect_column: str | None, request: gr.Request
    ) -> tuple[dict[str, Any], list[str]]:
        with errors_as_messages(path):
            chosen = text_of(path, text_column)
            about = about_of(path, aspect_column)
            result = predict_upload(desk, path, chosen, request, about=about)
            told = {"notice": result.notice, "text_column": chosen, "labels": result.counts, "shares": result.shares}
            told |= {} if about is None else {"aspect_column": about}
            return told, [str(file) for file in result.files]

    file, column, aspects = gr.File(visible=False), gr.Textbox(visible=False), gr.Textbox(visible=False)
    on_table(
        predict_table,
        [file, column, aspects],
        [gr.JSON(visible=False), gr.Files(visible=False)],
        "predict_file",
        "Predictions for a table: a notice and the count and share of each label, and the files made. "
        "text_column may be empty where one column clearly has the texts, which the answer names; aspect_column "
        "where the model reads no aspects, or one column has their name.",
    )
    if is_installed("sentiment.ui.trends"):
        from sentiment.monitoring.sentences import headline, sentences
        from sentiment.ui.trends import Asked, trends

        def trends_of(
            path: str,
            text_column: str | None,
            time: str | None,
            by: str | None,
            every: str | None,
            aspect_column: str | None,
            true_column: str | None,
            request: gr.Request,
        ) -> tuple[dict[str, Any], list[str]]:
            with errors_as_messages(path):
                named = {"true": true_column or None, "aspect": about_of(path, aspect_column)}
                asked = Asked(path, text_of(path, text_column), time or None, by or None, every or "1d", **named)
                result, files = trends(desk, asked, request)
                changes = [headline(result, one) for _, one in result.changes]
                told = {"sentences": sentences(result), "changes": changes, "notes": list(result.notes)}
                return told, [str(file) for file in files]

        on_table(
            trends_of,
            # those with a value may be left out by a script
            [
                file,
                column,
                *[gr.Textbox(visible=False) for _ in range(3)],
                *[gr.Textbox("", visible=False) for _ in range(2)],
            ],
            [gr.JSON(visible=False), gr.Files(visible=False)],
            "trends",
            "Shares of the labels in a table over time and by group: sentences, changes, and the files "
            "made. time, by and true_column may be empty, and aspect_column as for /predict_file; every is a period "
            "such as 1d.",
        )
    if desk.corrections:
        labels_end_points(desk, file, column, text_of)
    gr.api(classify, api_name="classify", api_description="Label, score and probabilities of a text.")
    gr.api(classify_version, api_name="classify_version", api_description="The same, by one version of the model.")
    gr.api(describe, api_name="describe", api_description="Name, version, labels and scores of the model.")
    if desk.corrections:
        gr.api(correct, api_name="correct", api_description="Keep the label a text should have had.")


def on_table(function: Any, inputs: Sequence[Any], outputs: Any, name: str, about: str) -> None:
    """Register an endpoint that takes a table; one runs at a time."""
    own = gr.Button(visible=False)  # without its own trigger it would run as the page opens, with no file
    own.click(
        function, inputs, outputs, api_name=name, api_description=about, concurrency_id=TABLES, concurrency_limit=1
    )


def labels_end_points(desk: AppState, file: Any, column: Any, text_of: Callable[[str, str | None], str]) -> None:
    """Register what the tab Label does, for scripts; /correct keeps the labels."""

    def suggest(path: str, text_column: str | None, count: float | None, request: gr.Request) -> list[dict[str, Any]]:
        with errors_as_messages(path):
            size = COUNT if count is None else int(count)
            if not 1 <= size <= MOST:
                raise DataError(f"count={size}: expected 1 to {MOST}")
            return list(list_texts(start_session(desk, path, text_of(path, text_column), request, count=size)))

    def correct_table(path: str, changed: dict[str, list[str]], request: gr.Request) -> tuple[int, str]:
        with errors_as_messages(path):
            if not isinstance(changed, dict) or not all(
                isinstance(both, list) and len(both) == 2 for both in changed.values()
            ):
                raise DataError("expected the former and the new label of each text, as {text: [former, new]}")
            target, count = correct_upload(desk, path, changed, request)
            return count, str(target)

    on_table(
        suggest,
        [file, column, gr.Number(visible=False)],
        gr.JSON(visible=False),
        "suggest",
        "The texts of a table that are most worth a label next, with their predictions.",
    )
    on_table(
        correct_table,
        [file, gr.JSON(visible=False)],
        [gr.Number(visible=False), gr.File(visible=False)],
        "correct_table",
        "A copy of a table with other labels, {text: [former, new]}: how many rows, and the file.",
    )
