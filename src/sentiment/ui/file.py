"""The file tab: upload a table, choose the text column, predict with progress, preview and download."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from sentiment.data.tables.columns import usual_aspect
from sentiment.errors import DataError, SentimentError
from sentiment.ui import render
from sentiment.ui.app_state import AT_ONCE, PROBLEMS, QUIET, AppState, caller, render_error
from sentiment.ui.aspect import reads_aspects
from sentiment.ui.jobs import reporter
from sentiment.ui.table import SHOWN, Opened, Result, open_upload, predict_file

FILES = [".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx", ".txt", ".gz", ".zst"]
TABLES = "tables"  # concurrency id shared by the tabs and the API: one table at a time
HINT = "A table with a column of texts: Excel (.xlsx), CSV, TSV, JSON or Parquet; also as .gz or .zst."


def file_tab(desk: AppState, *, max_file_mb: int) -> None:
    gr.Markdown(f"{HINT} Or a .txt file with a text a line. At most {max_file_mb} MB.")
    upload = upload_field("File")
    reading = gr.HTML()
    column = gr.Dropdown(label="Column with the texts", choices=[], interactive=True, visible=False)
    aspects = gr.Dropdown(label="Column with the aspects", choices=[], interactive=True, visible=False)
    button, cancel = run_buttons("Predict")
    notice, counts = gr.HTML(elem_id="file-notice"), gr.HTML(elem_id="file-counts")
    downloads = download_buttons()
    preview, rejects = gr.HTML(), gr.HTML()
    results = [notice, counts, *downloads, preview, rejects]

    def show_columns(path: str | None) -> list[Any]:
        no_choice = gr.Dropdown(choices=[], value=None, visible=False)
        nothing = ["", no_choice, no_choice, gr.Button(interactive=False)]
        if path is None:
            return [*nothing, *clear_results()]
        try:
            table = open_upload(Path(path), desk.tables)
        except SentimentError as error:
            return [render_error(error, path), *nothing[1:], *clear_results()]
        choice = gr.Dropdown(choices=table.columns, value=table.text, visible=True)
        usual = usual_aspect(table.columns)
        others = gr.Dropdown(choices=table.columns, value=usual, visible=reads_aspects(desk), interactive=True)
        return [describe_upload(table), choice, others, gr.Button(interactive=True), *clear_results()]

    def predict(
        path: str,
        text_column: str | None,
        about: str | None,
        request: gr.Request,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> list[Any]:
        try:
            if not text_column:
                raise DataError("Choose the column with the texts.")
            chosen = (about or None) if reads_aspects(desk) else None
            return render_result(predict_upload(desk, path, text_column, request, progress, about=chosen))
        except PROBLEMS as error:
            return [render_error(error, path), *clear_results()[1:]]

    upload.change(desk.turns.taken(show_columns), upload, [reading, column, aspects, button, *results], **AT_ONCE)
    gr.on([column.input, aspects.input], None, None, notice, js="() => ''", **QUIET)
    run(desk, button, cancel, predict, [upload, column, aspects], results, notice)


def upload_field(label: str) -> Any:
    return gr.File(label=label, file_types=FILES, type="filepath", height=150, elem_classes="boxed")


def run_buttons(name: str) -> tuple[Any, Any]:
    """Build the button that starts a job, and the one that stops it, which shows while the job runs."""
    with gr.Row(elem_classes="actions"):
        button = gr.Button(name, variant="primary", interactive=False)
        cancel = gr.Button("Cancel", visible=False)
    return button, cancel


def run(
    desk: AppState, button: Any, cancel: Any, job: Any, inputs: Sequence[Any], results: Sequence[Any], notice: Any
) -> None:
    """Connect a job over a table with its buttons: one at a time for all visitors, and the visitor may stop it."""

    def running(on: bool) -> list[Any]:
        return [gr.Button(interactive=not on), gr.Button(visible=on)]

    def stop(request: gr.Request) -> list[Any]:
        desk.jobs.stop(request.session_hash)
        return [render.notice("Stopped. Nothing was kept.", "hint"), *running(False)]

    started = button.click(lambda: running(True), None, [button, cancel], **AT_ONCE)
    done = started.then(
        job,
        inputs,
        results,
        api_visibility="private",
        concurrency_id=TABLES,
        concurrency_limit=1,
        show_progress_on=notice,
    )
    done.then(lambda: running(False), None, [button, cancel], **AT_ONCE)
    cancel.click(stop, None, [notice, button, cancel], cancels=[done], **AT_ONCE)


def download_buttons() -> list[Any]:
    """Build a button for each file that a result may have; each says what its file is."""
    with gr.Row(elem_classes="downloads"):
        return [gr.DownloadButton(visible=False, size="sm") for _ in range(4)]


def offer_files(files: Sequence[Path]) -> list[Any]:
    """Return the download buttons for these files; those left over are hidden."""
    buttons = [gr.DownloadButton(purpose(file), value=str(file), visible=True) for file in files]
    return [*buttons, *[gr.DownloadButton(visible=False) for _ in range(4 - len(buttons))]]


def purpose(file: Path) -> str:
    if file.name.endswith("-rows-not-scored.csv"):
        return "Rows not scored (.csv)"
    names = {".xlsx": "Excel (.xlsx)", ".csv": "CSV (.csv)", ".html": "Page (.html)"}
    return f"Download {names.get(file.suffix, file.suffix)}"


def clear_results() -> list[Any]:
    """Return empty results."""
    return ["", "", *offer_files([]), "", ""]


def predict_upload(
    desk: AppState,
    path: str,
    text_column: str,
    request: gr.Request,
    progress: Any = None,
    *,
    about: str | None = None,
) -> Result:
    """Predict an uploaded table for one visitor, with the result in a new folder."""
    desk.admit(request)
    size = Path(path).stat().st_size if Path(path).is_file() else 0
    desk.storage.take(caller(request), size)  # reserves room for the result, which is about as large
    with desk.jobs.started(request.session_hash) as stop:
        return predict_file(
            Path(path),
            text_column,
            desk.backend.tables,
            aspect_column=about,
            folder=desk.storage.new(),
            limits=desk.tables,
            told=reporter(progress, "Scoring the texts", "Writing the files"),
            stop=stop,
        )


def describe_upload(table: Opened) -> str:
    """Say how an uploaded file was read, and what its text column seems to be."""
    lines = table.read_as
    if table.text:
        lines.append(f"The texts seem to be in “{table.text}”; choose another column if not.")
    else:
        lines.append("No column is clearly the one with the texts: choose it.")
    return render.notice(" ".join(lines), "hint")


def render_result(result: Result) -> list[Any]:
    table, rejects = "", ""
    if result.preview:
        caption = f"The first {min(SHOWN, len(result.preview))} rows"
        table = render.table(result.headers, result.preview, caption, kind="prose preview")
    if result.rejects:
        rejects = render.table(["row", "reason"], result.rejects, "Rows that could not be scored", kind="prose")
    return [
        render.notice(result.notice, "hint" if result.rejects else "done"),
        render.bars(result.shares, result.counts) if result.shares else "",
        *offer_files(result.files),
        table,
        rejects,
    ]
