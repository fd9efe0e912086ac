"""A page with one text box, for people who do not code."""

import os
from typing import Any

from sentiment.errors import SentimentError
from sentiment.ports import Port, check_free
from sentiment.schema import Classifier, RequestError, check_text

EXAMPLES = ["What a day!", "Not once did I look at my watch.", "Gorgeous to look at, hollow to sit through."]


def launch(*, engine: Classifier, host: str = "127.0.0.1", port: Port = 7860) -> None:
    """Serve the page until Ctrl-C."""
    check_free(host, port, "port")
    page(engine).launch(server_name=host, server_port=port, show_error=True)


def page(classifier: Classifier) -> Any:
    """The Gradio page, not yet launched."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio

    def classify(text: str) -> dict[str, float]:
        try:
            return classifier.predict([check_text(text)])[0].probabilities
        except (SentimentError, RequestError) as error:
            raise gradio.Error(str(error), print_exception=False) from error

    return gradio.Interface(
        classify,
        inputs=gradio.Textbox(label="Text", lines=4, placeholder="Type or paste a text"),
        outputs=gradio.Label(label="Sentiment"),
        examples=[[example] for example in EXAMPLES],
        cache_examples=False,
        title="Sentiment",
        flagging_mode="never",
        api_name="classify",
    )
