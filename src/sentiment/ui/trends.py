"""The trends tab: shares of labels over time and by group in an uploaded table, as `sentiment monitor` finds them."""

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from sentiment.batch.identity import pinned
from sentiment.batch.output import Output
from sentiment.data.tables import base_name
from sentiment.data.tables.columns import usual_aspect
from sentiment.errors import DataError, SentimentError
from sentiment.monitoring.analysis import examine
from sentiment.monitoring.command import write
from sentiment.monitoring.model import Model
from sentiment.monitoring.outputs import Table
from sentiment.monitoring.page import sections
from sentiment.monitoring.prepare import Reading
from sentiment.monitoring.result import Result
from sentiment.monitoring.sentences import sentences
from sentiment.ui import choices, render
from sentiment.ui.app_state import AT_ONCE, PROBLEMS, QUIET, AppState, caller, render_error
from sentiment.ui.aspect import reads_aspects
from sentiment.ui.file import HINT, download_buttons, offer_files, run, run_buttons, upload_field
from sentiment.ui.jobs import Watched, reporter
from sentiment.ui.table import Opened, open_upload

NONE = ""  # value of a choice that names no column
TABLES: tuple[Table, ...] = ("xlsx", "csv")  # of the shares
REFUSALS = {  # messages of the monitor, which name its keys, in words for a visitor
    r"time=(?P<column>.*?): the column is empty": "The column “{column}” is empty: choose another column of times.",
    r"time=(?P<column>.*?): (?P<value>'.*?') may have": (
        "{value} in “{column}” may have the day or the month first, and no other row says which. Write the dates as "
        "2026-01-31, or save the table as an Excel file with cells of the type date."
    ),
    r"time=(?P<column>.*?): (?P<value>'.*?') has the (?P<first>day|month) first, (?P<other>'.*?') the": (
        "The dates in “{column}” are of two kinds: {value} has the {first} first, {other} has not. Write them as "
        "2026-01-31."
    ),
    r"time=(?P<column>.*?): (?P<value>'.*?') is (a text|a date in another form)": (
        "{value} in “{column}” is a date of another kind than others, in which day and month may be swapped. Write all "
        "dates as 2026-01-31."
    ),
    r"time=(?P<column>.*?): (?P<value>'.*?') is not": (
        "{value} in “{column}” is no date or time that this page can read. Write dates as 2026-01-31 or "
        "2026-01-31 14:30, or choose another column of times."
    ),
    r"by= makes more than (?P<most>\d+) groups": (
        "The group column has more than {most} different values: choose one with fewer, such as a brand, or none."
    ),
    r"more than (?P<most>[\d,]+) periods of all groups": (
        "That makes more than {most} periods: choose a longer period, or a group column with fewer values."
    ),
    r"no row can be counted: of (?P<rows>\d+), (?P<bare>\d+) have no prediction, (?P<alike>\d+) .*, (?P<late>\d+) no": (
        "None of the {rows} rows can be counted: {bare} have no text that could be scored, {alike} have the same "
        "probability for each label, and {late} have no time that this page can read."
    ),
    r"the input has the column '(?P<column>.*?)', but no probabilities": (
        "The table has a column “{column}” but not the probabilities of the labels. Upload a table that this page "
        "made, or rename that column to have the texts scored again."
    ),
    r"(a value of the columns .* is no number|the probabilities of a row do not add up|a probability is not between)": (
        "The probabilities in this table were changed. Upload the table as this page made it."
    ),
    r"this model reads each text with an aspect": (
        "This model reads each text with the thing that it is about: choose the column that names it, under “About”."
    ),
    r"true_column=(?P<column>.*?): (?P<value>'.*?') is no label of the model, which knows (?P<known>.*)": (
        "{value} in “{column}” is no label of this model, which knows {known}: choose another column of "
        "true labels, or none."
    ),
    r"run=.* has the labels (?P<own>.*?), the predictions (?P<others>.*?);": (
        "The predictions in this table are from another model: it answers {others}, the one here {own}. Upload the "
        "table without its predictions."
    ),
}
SAID = {  # sentences of a result that name keys or folders, in words for a visitor
    r"label a few hundred of your own texts and give them with labelled=FILE\.": (
        "whoever runs this page can fit it on a few hundred labelled texts like these."
    ),
    r"^.*: the shares are counted labels, the intervals hold the sample's error alone \(.*\)\.": (
        "The shares are counted labels, not corrected for the errors of the model, and the intervals hold the sample's "
        "error alone."
    ),
    r"; make it again: sentiment export\.": "; tell whoever runs this page.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A table and the columns that a visitor chose."""

    path: str
    text: str | None
    time: str | None
    by: str | None
    every: str
    true: str | None = None
    aspect: str | None = None


def trends_tab(desk: AppState, *, max_file_mb: int) -> None:
    gr.Markdown(
        "How the shares of the labels moved over time, what changed, and which words moved it. "
        f"{HINT} At most {max_file_mb} MB."
    )
    upload = upload_field("Table")
    reading = gr.HTML()
    with gr.Row(visible=False, elem_classes="choices") as row:
        text = gr.Dropdown(label="Texts", choices=[], interactive=True, min_width=180)
        time = gr.Dropdown(label="Time", choices=[], interactive=True, min_width=180)
        by = gr.Dropdown(label="Group", choices=[], interactive=True, min_width=180)
        every = gr.Dropdown(label="Period", choices=list(choices.PERIODS.items()), interactive=True, min_width=120)
        true = gr.Dropdown(label="True labels", choices=[], interactive=True, min_width=180)
        aspect = gr.Dropdown(label="About", choices=[], interactive=True, visible=False, min_width=180)
    button, cancel = run_buttons("Show trends")
    notice = gr.HTML()
    with gr.Column(elem_classes="summary"):
        summary = gr.HTML()
        downloads = download_buttons()
    found = gr.HTML(elem_classes="monitor", elem_id="trends")
    folder: Any = gr.State(None)  # of the predictions of the uploaded table, so that another period costs no scoring
    results = [notice, summary, *downloads, found]
    nothing = ["", "", *offer_files([]), ""]

    def show_columns(path: str | None) -> list[Any]:
        none = [gr.Row(visible=False), *[gr.Dropdown(choices=[], value=None) for _ in range(3)], gr.Dropdown()]
        none += [gr.Dropdown(choices=[], value=None) for _ in range(2)]
        if path is None:
            return ["", *none, gr.Button(interactive=False), None, *nothing]
        try:
            table = open_upload(Path(path), desk.tables)
        except SentimentError as error:
            return [render_error(error, path), *none, gr.Button(interactive=False), None, *nothing]
        return [*offers(table, aspects=reads_aspects(desk)), gr.Button(interactive=True), None, *nothing]

    def show(
        path: str,
        text: str | None,
        time: str,
        by: str,
        every: str,
        true: str,
        aspect: str,
        kept: str | None,
        request: gr.Request,
        progress: Any = gr.Progress(),  # noqa: B008
    ) -> list[Any]:
        try:
            asked = Asked(path, text or None, time or None, by or None, every, true or None, aspect or None)
            result, files = trends(desk, asked, request, progress, kept=kept)
        except PROBLEMS as error:
            return [refusal(error, path), *nothing[1:], kept]
        return ["", render.sentences(sentences(result)), *offer_files(files), sections(result), str(files[0].parent)]

    named = [text, time, by, every, true, aspect]
    read = desk.turns.taken(show_columns)
    upload.change(read, upload, [reading, row, *named, button, folder, *results], **AT_ONCE)
    gr.on([one.input for one in named], None, None, [notice, summary, found], js="() => ['', '', '']", **QUIET)
    run(desk, button, cancel, show, [upload, *named, folder], [*results, folder], notice)


def offers(table: Opened, *, aspects: bool) -> list[Any]:
    """Return what is said of an uploaded table, and the choices with those that seem to be meant.

    True labels are never guessed; a column of aspects is offered where the model reads them.
    """
    about = usual_aspect(table.columns) if aspects else None
    time = choices.time_column(table.columns, table.sample)
    by = choices.group_column(table.columns, table.sample, taken=(table.text, time))
    every = choices.period(choices.times_of(time, table.sample) if time else None)
    lines = table.read_as
    sought = [("the texts", table.text), ("the times", time), ("the groups", by)]
    sought += [("what the texts are about", about)] if aspects else []
    open_ones = [name for name, column in sought if column is None]
    lines.append(
        f"No column is clearly the one of {' and of '.join(open_ones)}: choose it, or leave it out."
        if open_ones
        else "The columns seem to be these; choose others if not."
    )
    columns = [(name, name) for name in table.columns]
    return [
        render.notice(" ".join(lines), "hint"),
        gr.Row(visible=True),
        gr.Dropdown(choices=columns, value=table.text),
        gr.Dropdown(choices=[("one period for all", NONE), *columns], value=time or NONE),
        gr.Dropdown(choices=[("no groups", NONE), *columns], value=by or NONE),
        gr.Dropdown(value=every),
        gr.Dropdown(choices=[("none known", NONE), *columns], value=NONE),
        gr.Dropdown(choices=[("nothing", NONE), *columns], value=about or NONE, visible=aspects),
    ]


def trends(
    desk: AppState, asked: Asked, request: gr.Request, progress: Any = None, *, kept: str | None = None
) -> tuple[Result, list[Path]]:
    """Examine an uploaded table for one visitor, and write monitor.html and the tables of shares.

    Raises:
        SentimentError: A limit, the table, or what the monitor refuses.
    """
    desk.admit(request)
    if not asked.text:
        raise DataError("Choose the column with the texts.")
    path = Path(asked.path)
    table = open_upload(path, desk.tables)
    folder = Path(kept) if kept and desk.storage.holds(Path(kept)) else None
    if folder is None:
        desk.storage.take(caller(request), path.stat().st_size)
        folder = desk.storage.new()
    tell = reporter(progress, "Scoring the texts", "Estimating shares, changes and their evidence")
    tell(0, table.rows)
    with desk.jobs.started(request.session_hash) as stop:
        engine = Watched(pinned(desk.backend.tables), table.rows, tell, stop)
        reading = Reading(
            input=str(path),
            output=folder,
            time=asked.time,
            by=(asked.by,) if asked.by else (),
            text_column=asked.text,
            broken="keep",
            true_column=asked.true,
            aspect_column=asked.aspect,
        )
        model = Model(lambda: engine, str(desk.run or ""))
        scored = partial(tell, table.rows, table.rows)  # rows without a text leave the bar short of its end
        result = examine(reading, model, title=base_name(path), every=asked.every, scored=scored)
    drift = replace(result.drift, sentence=plain(result.drift.sentence))
    result = replace(result, drift=drift, notes=[plain(note) for note in result.notes])
    page = write(folder, result, TABLES)
    return result, [page, *(Output.of(folder / f"shares.{kind}").path for kind in TABLES)]


def plain(sentence: str) -> str:
    for pattern, words in SAID.items():
        sentence = re.sub(pattern, words, sentence)
    return sentence


def refusal(error: Exception, path: str) -> str:
    """Render what the monitor refuses in plain words."""
    for pattern, words in REFUSALS.items():
        if found := re.match(pattern, str(error)):
            return render.notice(words.format(**found.groupdict()))
    return render_error(error, path)
