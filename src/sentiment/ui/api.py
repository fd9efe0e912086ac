"""The page's named end points, for scripts: plain values in and out, errors as messages."""

from typing import Any

import gradio as gr

from sentiment.errors import ClientError
from sentiment.schema import Model, check_text
from sentiment.ui.desk import Desk, errors_as_messages
from sentiment.ui.feedback import Correction


def end_points(desk: Desk) -> None:
    """All but /predict_file, which is the file tab's own event; /correct is there where corrections are kept."""

    def classify(request: gr.Request, text: str) -> dict[str, Any]:
        return answer(request, text, None)

    def classify_version(request: gr.Request, text: str, version: str) -> dict[str, Any]:
        return answer(request, text, version)

    def answer(request: gr.Request, text: str, version: str | None) -> dict[str, Any]:
        with errors_as_messages():
            desk.admit(request)
            [prediction] = desk.backend.predict([check_text(text)], version)
            return prediction.to_json(details=True)

    def describe(request: gr.Request) -> dict[str, Any]:
        with errors_as_messages():
            desk.admit(request)
            return model_of(desk).to_json()

    def correct(request: gr.Request, text: str, label: str) -> str:
        with errors_as_messages():
            desk.admit(request)
            [prediction] = desk.backend.predict([check_text(text)])
            assert desk.corrections
            desk.corrections.add(Correction.of(text, label, prediction, model_of(desk).version))
            return "saved"

    gr.api(classify, api_name="classify", api_description="Label, score and probabilities of a text.")
    gr.api(classify_version, api_name="classify_version", api_description="The same, by one version of the model.")
    gr.api(describe, api_name="describe", api_description="Name, version, labels and scores of the model.")
    if desk.corrections:
        gr.api(correct, api_name="correct", api_description="Keep the label a text should have had.")


def model_of(desk: Desk) -> Model:
    state = desk.backend.state()
    if state.model is None:
        raise ClientError(state.problem)
    return state.model
