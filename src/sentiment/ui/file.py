"""The file tab: upload a table, choose the text column, predict with progress, preview and download."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from sentiment.errors import DataError, SentimentError
from sentiment.ui import render
from sentiment.ui.aspect import reads_aspects
from sentiment.ui.desk import AppState, caller, told
from sentiment.ui.table import SHOWN, Opened, Result, opened, predict_file

FILES = [".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".xlsx", ".gz", ".zst"]
TABLES = "tables"  # concurrency id shared by the tab and the API: one table at a time
HINT = "A table with a column of texts: CSV, TSV, JSON, Parquet or Excel (.xlsx); also as .gz or .zst."


def file_tab(desk: AppState, *, max_file_mb: int) -> None:
    gr.Markdown(f"{HINT} At most {max_file_mb} MB.")
    upload = gr.File(label="File", file_types=FILES, type="filepath", height=150, elem_classes="boxed")
    column = gr.Dropdown(label="Column with the texts", choices=[], interactive=True, visible=False)
    aspects = gr.Dropdown(label="Column with the aspects", choices=[], interactive=True, visible=False)
    button = gr.Button("Predict", variant="primary", interactive=False)
    notice = gr.HTML()
    counts = gr.HTML()
    preview = gr.Dataframe(
        label=f"The first {SHOWN} rows", visible=False, interactive=False, wrap=True, elem_classes="preview"
    )
    download = gr.File(label="Results", visible=False, interactive=False, elem_classes="boxed", elem_id="results")
    hidden = ["", gr.Dataframe(visible=False), gr.File(visible=False)]

    def show_columns(path: str | None) -> list[Any]:
        no_choice = gr.Dropdown(choices=[], value=None, visible=False)
        nothing = [no_choice, no_choice, gr.Button(interactive=False)]
        if path is None:
            return [*nothing, "", *hidden]
        try:
            table = opened(Path(path), desk.tables)
        except SentimentError as error:
            return [*nothing, told(error, path), *hidden]
        choice = gr.Dropdown(choices=table.columns, value=table.text, visible=True)
        others = gr.Dropdown(
            choices=table.columns, value=usual_aspect(table.columns), visible=reads_aspects(desk), interactive=True
        )
        return [choice, others, gr.Button(interactive=True), reading(table), *hidden]

    def predict(
        path: str,
        text_column: str | None,
        aspect_column: str | None,
        request: gr.Request,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> list[Any]:
        try:
            if not text_column:
                raise DataError("choose the column with the texts")
            chosen = (aspect_column or None) if reads_aspects(desk) else None
            return shown(predicted(desk, path, text_column, request, progress, aspect_column=chosen))
        except SentimentError as error:
            return [told(error, path), *hidden]

    outputs = [notice, counts, preview, download]
    upload.change(show_columns, upload, [column, aspects, button, *outputs], api_visibility="private")
    button.click(
        predict,
        [upload, column, aspects],
        outputs,
        api_visibility="private",
        concurrency_id=TABLES,
        concurrency_limit=1,
        show_progress_on=notice,
    )


def usual_aspect(columns: Sequence[str]) -> str | None:
    return next((name for name in columns if name.strip().lower() in ("aspect", "target")), None)


def predicted(
    desk: AppState,
    path: str,
    text_column: str,
    request: gr.Request,
    progress: Any = None,
    *,
    aspect_column: str | None = None,
) -> Result:
    """Predict an uploaded table for one visitor, with the result in a new folder."""
    desk.admit(request)
    size = Path(path).stat().st_size if Path(path).is_file() else 0
    desk.storage.take(caller(request), size)  # reserves room for the result, which is about as large
    return predict_file(
        Path(path),
        text_column,
        desk.backend.tables,
        aspect_column=aspect_column,
        folder=desk.storage.new(),
        limits=desk.tables,
        told=lambda done, rows: progress and progress((done, rows), unit="rows"),
    )


def reading(table: Opened) -> str:
    """Describe how an uploaded file was parsed, and ask for the text column if it is unknown."""
    lines = [f"Read as {table.guessed}."] if table.guessed else []
    lines += [] if table.text else ["Choose the column with the texts."]
    return render.notice(" ".join(lines), "hint") if lines else ""


def shown(result: Result) -> list[Any]:
    notice = render.notice(result.notice, "hint" if result.rejects else "done")
    if result.rejects:
        notice += render.table(["row", "reason"], result.rejects, "Rows that could not be scored", words=True)
    return [
        notice,
        render.bars(result.shares, result.counts) if result.shares else "",
        gr.Dataframe(result.preview, visible=True),
        gr.File([str(file) for file in result.files], visible=True, interactive=False),
    ]
