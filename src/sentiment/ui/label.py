"""The label tab: the texts most worth a label, or the suspects of a review, one after another."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from sentiment.batch.identity import pinned
from sentiment.errors import DataError, SentimentError
from sentiment.ui import render
from sentiment.ui.app_state import AT_ONCE, PROBLEMS, QUIET, AppState, caller, model_of, render_error
from sentiment.ui.aspect import reads_aspects
from sentiment.ui.file import HINT, describe_upload, run, run_buttons, upload_field
from sentiment.ui.jobs import Watched, reporter
from sentiment.ui.labelling import (
    COUNT,
    Session,
    card,
    changes,
    command,
    corrected_copy,
    distinct_texts,
    is_suspects,
    review_of,
    session_of,
)
from sentiment.ui.table import open_upload

NO_FILE = (
    "This page keeps no labels, since it was started without a file for them. Whoever runs it can start it with "
    "feedback=FILE."
)
ASPECTS = (
    "This model reads each text with the thing that it is about, which this tab cannot show. Correct texts in the tab "
    "Text."
)
STAYS = (
    "Another label was saved after yours, so yours stays in the file; the one that you give now counts in its place."
)
ANSWER = "(kind, label, at, session) => [...window.labelAnswer, session]"
FOCUS = "() => document.querySelector('#label-card .card')?.focus()"


def label_tab(desk: AppState, *, max_file_mb: int) -> None:
    if desk.corrections is None:
        gr.HTML(render.notice(NO_FILE, "hint"))
        return
    gr.Markdown(
        f"Suggests the {COUNT} texts of a table that are most worth a label next: those that the model is unsure of, "
        f"unlike each other. Or walks through the suspects that `sentiment review` found. {HINT} "
        f"At most {max_file_mb} MB."
    )
    upload = upload_field("Texts to label, or suspects.csv")
    reading = gr.HTML()
    column = gr.Dropdown(label="Column with the texts to label", choices=[], interactive=True, visible=False)
    button, cancel = run_buttons("Suggest texts")
    notice, shown = gr.HTML(elem_id="label-notice"), gr.HTML(elem_id="label-card")
    session: Any = gr.State(None)
    with gr.Column(visible=False, elem_classes="correction") as copying:
        table = upload_field("Table that was reviewed")
        copy = gr.Button("Save a corrected copy", size="sm")
        copied, file = gr.HTML(), gr.DownloadButton(visible=False, size="sm")
    kind, label, at = (
        gr.Textbox(visible="hidden", label=name, elem_id=f"label-{name}") for name in ("kind", "answer", "at")
    )
    answer = gr.Button("Answer", visible="hidden", elem_id="label-send")

    def show_columns(path: str | None) -> list[Any]:
        hidden = [gr.Dropdown(choices=[], value=None, visible=False), gr.Button(interactive=False)]
        rest = ["", "", None, gr.Column(visible=False)]
        if path is None:
            return ["", *hidden, *rest]
        try:
            found = open_upload(Path(path), desk.tables)
        except SentimentError as error:
            return [render_error(error, path), *hidden, *rest]
        if is_suspects(found.columns):
            read = render.notice(f"{found.rows:,} suspects of a review, the likeliest first.", "hint")
            return [read, hidden[0], gr.Button("Review the suspects", interactive=True), *rest]
        choice = gr.Dropdown(choices=found.columns, value=found.text, visible=True)
        return [describe_upload(found), choice, gr.Button("Suggest texts", interactive=True), *rest]

    def start(path: str, text_column: str | None, request: gr.Request, progress: Any = gr.Progress()) -> list[Any]:  # noqa: B008
        try:
            made = start_session(desk, path, text_column, request, progress)
        except PROBLEMS as error:
            return [render_error(error, path), "", None, gr.Column(visible=False)]
        return ["", card(made), made, gr.Column(visible=made.reviews)]

    def give(kind: str, label: str, at: str, made: Session | None, request: gr.Request) -> list[Any]:
        if made is None or at != str(len(made.answers)):  # pressed twice
            return [gr.skip(), gr.skip(), gr.skip()]
        try:
            made, problem = apply_answer(desk, made, kind, label, request)
        except PROBLEMS as error:
            return [render_error(error), card(made), made]
        return [problem or done(desk, made), card(made), made]

    def save(path: str | None, made: Session | None, request: gr.Request) -> list[Any]:
        try:
            if not path or made is None:
                raise DataError("Upload the table that was reviewed first.")
            target, count = correct_upload(desk, path, changes(made), request)
        except PROBLEMS as error:
            return [render_error(error, path), gr.DownloadButton(visible=False)]
        return [
            render.notice(f"{count:,} rows have another label in {target.name}.", "done"),
            gr.DownloadButton(f"Download {target.name}", value=str(target), visible=True),
        ]

    outputs = [notice, shown, session]
    turn = desk.turns.taken
    upload.change(turn(show_columns), upload, [reading, column, button, *outputs, copying], **AT_ONCE)
    run(desk, button, cancel, start, [upload, column], [*outputs, copying], notice)
    shown.change(None, None, None, js=FOCUS, **QUIET)
    answer.click(turn(give), [kind, label, at, session], outputs, js=ANSWER, **AT_ONCE)
    copy.click(turn(save), [table, session], [copied, file], **AT_ONCE)


def start_session(
    desk: AppState, path: str, text_column: str | None, request: gr.Request, progress: Any = None, *, count: int = COUNT
) -> Session:
    """Start a session over an uploaded table, or over the suspects of a review.

    Raises:
        SentimentError: A limit, the table, or a model that this tab cannot serve.
    """
    desk.admit(request)
    model, file = model_of(desk), Path(path)
    if is_suspects(open_upload(file, desk.tables).columns):
        return review_of(file, desk.tables, model)
    if reads_aspects(desk):
        raise DataError(ASPECTS)
    if not text_column:
        raise DataError("Choose the column with the texts.")
    known = desk.corrections.texts() if desk.corrections else set()
    texts = distinct_texts(file, text_column, desk.tables, known=known)
    with desk.jobs.started(request.session_hash) as stop:
        tell = reporter(progress, "Scoring the texts")
        predictions = Watched(pinned(desk.backend.tables), len(texts), tell, stop).predict(texts)
    return session_of(texts, predictions, model=model, count=count)


def correct_upload(
    desk: AppState, path: str, changed: Mapping[str, Sequence[str]], request: gr.Request
) -> tuple[Path, int]:
    """Write a corrected copy of an uploaded table for one visitor, in a new folder."""
    desk.admit(request)
    desk.storage.take(caller(request), Path(path).stat().st_size)
    return corrected_copy(Path(path), desk.storage.new(), changed, desk.tables)


def apply_answer(desk: AppState, made: Session, kind: str, label: str, request: gr.Request) -> tuple[Session, str]:
    """Return the session after an answer, and a notice if there is something to say."""
    desk.admit(request)
    assert desk.corrections
    if kind == "undo":
        made, taken = made.undone(desk.corrections) if made.answers else (made, True)
        return made, "" if taken else render.notice(STAYS, "hint")
    if made.current is None:
        return made, ""
    return (made.skipped() if kind == "skip" else made.answered(label, desk.corrections)), ""


def done(desk: AppState, made: Session) -> str:
    """Say at the end how to train with the labels."""
    assert desk.corrections
    if made.current is not None or not made.given:
        return ""
    text = f"{len(made.given):,} labels are in {desk.corrections.path}. Train with them beside your other labels:"
    return (
        render.notice(text, "done")
        + f'<pre class="command" tabindex="0">{escape(command(desk.corrections.path))}</pre>'
    )


def list_texts(made: Session) -> Sequence[dict[str, Any]]:
    """Return the texts of a session with their predictions, for scripts."""
    return [{"text": item.text, **item.prediction.to_json()} for item in made.items]
