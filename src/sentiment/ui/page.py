"""A page for people who do not code: one text, or a whole file."""

import os
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Gt

from sentiment.errors import SentimentError
from sentiment.ports import Port, check_free
from sentiment.schema import Classifier, RequestError, check_text
from sentiment.ui.table import SHOWN, columns_of, predict_file

EXAMPLES = ["What a day!", "Not once did I look at my watch.", "Gorgeous to look at, hollow to sit through."]
FILES = [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".gz", ".zst"]
KEPT = 24 * 3600  # s that uploaded and made files stay on this machine
CSS = ".gradio-container {max-width: 860px !important; margin: 0 auto !important}"


def launch(
    *,
    engine: Classifier,
    host: str = "127.0.0.1",
    port: Port = 7860,
    max_file_mb: Annotated[int, Gt(0)] = 50,
    auth: tuple[str, str] | None = None,
) -> None:
    """Serve the page until Ctrl-C; `auth` is a user name and a password."""
    import gradio

    check_free(host, port, "port")
    local = gradio.themes.Soft(font=("system-ui", "sans-serif"), font_mono=("ui-monospace", "monospace"))
    page(engine).queue(max_size=64, default_concurrency_limit=4).launch(
        server_name=host,
        server_port=port,
        show_error=True,
        max_file_size=max_file_mb * 1_000_000,
        auth=tuple(auth) if auth else None,
        theme=local,  # no font is fetched
        css=CSS,
        footer_links=["api"],
        ssr_mode=False,
    )


def page(classifier: Classifier) -> Any:
    """The Gradio page, not yet launched."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    import gradio

    with gradio.Blocks(title="Sentiment", analytics_enabled=False, delete_cache=(3600, KEPT)) as blocks:
        gradio.Markdown("# Sentiment\nHow a text feels about what it speaks of, by a fine-tuned BERT.")
        with gradio.Tab("Text"):
            text_tab(gradio, classifier)
        with gradio.Tab("File"):
            file_tab(gradio, classifier)
    return blocks


def text_tab(gradio: Any, classifier: Classifier) -> None:
    text = gradio.Textbox(label="Text", lines=4, max_lines=12, placeholder="Type or paste a text", autofocus=True)
    button = gradio.Button("Classify", variant="primary")
    notice = gradio.Markdown(visible=False)
    label = gradio.Label(label="Sentiment")
    gradio.Examples([[example] for example in EXAMPLES], [text], label="Examples")

    def classify(value: str) -> tuple[dict[str, float] | None, Any]:
        try:
            return classifier.predict([check_text(value)])[0].probabilities, gradio.Markdown(visible=False)
        except (SentimentError, RequestError) as error:
            return None, gradio.Markdown(told(error), visible=True)

    gradio.on(
        [button.click, text.submit],
        classify,
        text,
        [label, notice],
        api_name="classify",
        api_description="The probability of each label for one text, and what is wrong where there is none.",
    )


def file_tab(gradio: Any, classifier: Classifier) -> None:
    gradio.Markdown("A table with a column of texts: CSV, TSV, JSON Lines or Parquet; the first three also compressed.")
    upload = gradio.File(label="File", file_types=FILES, type="filepath")
    column = gradio.Dropdown(label="Column with the texts", choices=[], interactive=True)
    button = gradio.Button("Predict", variant="primary", interactive=False)
    notice = gradio.Markdown(visible=False)
    counts = gradio.Label(label="Share of each label", visible=False)
    preview = gradio.Dataframe(label=f"The first {SHOWN} rows", visible=False, interactive=False, wrap=True)
    download = gradio.File(label="Results", visible=False, interactive=False)

    def opened(path: str | None) -> list[Any]:
        hidden = [part(visible=False) for part in (gradio.Label, gradio.Dataframe, gradio.File)]
        if path is None:
            return [gradio.Dropdown(choices=[], value=None), gradio.Button(interactive=False), gone(), *hidden]
        try:
            columns, text = columns_of(Path(path))
        except SentimentError as error:
            problem = gradio.Markdown(told(error, path), visible=True)
            return [gradio.Dropdown(choices=[], value=None), gradio.Button(interactive=False), problem, *hidden]
        return [gradio.Dropdown(choices=columns, value=text), gradio.Button(interactive=True), gone(), *hidden]

    def gone() -> Any:
        return gradio.Markdown(visible=False)

    def predict(path: str, text_column: str, progress: Any = gradio.Progress()) -> list[Any]:  # noqa: B008
        try:
            result = predict_file(
                Path(path), text_column, classifier, told=lambda done, rows: progress((done, rows), unit="rows")
            )
        except SentimentError as error:
            return [gradio.Markdown(told(error, path), visible=True), *(gradio.skip() for _ in range(3))]
        return [
            gradio.Markdown(result.notice, visible=True),
            gradio.Label(result.shares, visible=bool(result.shares)),
            gradio.Dataframe(result.preview, visible=True),
            gradio.File([str(file) for file in result.files], visible=True),
        ]

    shown = [notice, counts, preview, download]
    upload.change(opened, upload, [column, button, *shown], api_visibility="private")
    button.click(
        predict,
        [upload, column],
        shown,
        api_name="predict_file",
        concurrency_limit=1,
        api_description="Predictions for a table: a notice, the share of each label, the first rows, the files made.",
    )


def told(error: Exception, path: str | None = None) -> str:
    """An error as a line in the page; the place where an upload lies is nobody's business."""
    message = str(error).replace(path, Path(path).name) if path else str(error)
    return f"⚠️ **{message}**"
