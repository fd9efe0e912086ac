"""Named API endpoints of the page, for scripts: plain values in and out, errors as messages."""

from pathlib import Path
from typing import Any

import gradio as gr

from sentiment.errors import ClientError, DataError, RequestError, SentimentError
from sentiment.inference.pairs import UNKNOWN, Text
from sentiment.inference.types import Model
from sentiment.ui.aspect import input_of
from sentiment.ui.desk import AppState, errors_as_messages
from sentiment.ui.feedback import Correction
from sentiment.ui.file import TABLES, predicted
from sentiment.ui.table import opened


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

    def predict_table(
        path: str, text_column: str | None, aspect_column: str | None, request: gr.Request
    ) -> tuple[dict[str, Any], list[str]]:
        with errors_as_messages():
            try:
                chosen = text_column or opened(Path(path), desk.tables).text
                if not chosen:
                    raise DataError(
                        f"no column has a usual name; text_column: one of {', '.join(opened(Path(path)).columns)}"
                    )
                result = predicted(desk, path, chosen, request, aspect_column=aspect_column or None)
            except SentimentError as error:
                raise DataError(str(error).replace(path, Path(path).name)) from error
            summary = {"notice": result.notice, "labels": result.counts, "shares": result.shares}
            return summary, [str(file) for file in result.files]

    file, column, aspects = gr.File(visible=False), gr.Textbox(visible=False), gr.Textbox(visible=False)
    gr.Button(visible=False).click(  # without its own trigger it would run as the page opens, with no file
        predict_table,
        [file, column, aspects],
        [gr.JSON(visible=False), gr.Files(visible=False)],
        api_name="predict_file",
        concurrency_id=TABLES,
        concurrency_limit=1,
        api_description="Predictions for a table: a notice and the count and share of each label, and the files made. "
        "text_column may be empty where it has a usual name, aspect_column where the model reads no aspects.",
    )
    gr.api(classify, api_name="classify", api_description="Label, score and probabilities of a text.")
    gr.api(classify_version, api_name="classify_version", api_description="The same, by one version of the model.")
    gr.api(describe, api_name="describe", api_description="Name, version, labels and scores of the model.")
    if desk.corrections:
        gr.api(correct, api_name="correct", api_description="Keep the label a text should have had.")


def model_of(desk: AppState) -> Model:
    state = desk.backend.state()
    if state.model is None:
        raise ClientError(state.problem)
    return state.model
