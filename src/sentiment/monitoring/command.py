"""The monitor command: from a table of texts to shares, changes, drift and a page."""

import inspect
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge

from sentiment.data.tables import Quoting, TableOptions
from sentiment.errors import ConfigError, MonitorAlertError
from sentiment.files import write_json
from sentiment.inference.types import Classifier
from sentiment.monitoring.analysis import Estimator, examine
from sentiment.monitoring.changes import Comparison
from sentiment.monitoring.groups import columns_of
from sentiment.monitoring.labelled import LabelledTexts
from sentiment.monitoring.model import Model
from sentiment.monitoring.outputs import (
    Table,
    change_json,
    remove_tables,
    share_rows,
    write_errors,
    write_prometheus,
    write_shares,
)
from sentiment.monitoring.page import write_page
from sentiment.monitoring.prepare import Reading
from sentiment.monitoring.result import Result
from sentiment.monitoring.sentences import sentences
from sentiment.remote import as_path, check_folder, make_folder

log = logging.getLogger(__name__)

Alert = Literal["change", "drift"]


def monitor(
    *,
    input: str | Path,
    output: Path,
    engine: Callable[[], Classifier],
    run: str = "",
    time: str | None = None,
    by: str | Sequence[str] | None = None,
    every: str = "1d",
    text_column: str | None = None,
    aspect_column: str | None = None,
    labelled: Path | None = None,
    label_column: str | None = None,
    true_column: str | None = None,
    estimator: Estimator = "auto",
    sampled: bool = True,
    unique: bool = False,
    window: Annotated[int, Ge(1)] = 7,
    history: Path | None = None,
    fail_on: Sequence[Alert] = (),
    tables: Sequence[Table] = ("csv",),
    time_format: str | None = None,
    time_zone: str = "UTC",
    prefix: str = "",
    separator: str | None = None,
    encoding: str | None = None,
    quoting: Quoting | None = None,
    columns: Sequence[str] | None = None,
    quiet: bool = False,
) -> Path:
    """Estimate the shares of the labels in a table of texts, with changes, drift and a page, in the folder `output`.

    Args:
        input: A table that sentiment predict reads or has written, or a glob of several.
        output: Folder to write.
        engine: Loads the classifier, which scores texts without predictions.
        run: Run directory or export folder of the model, for its estimator and its reference texts.
        time: Column of times; None for one period.
        by: Column of groups, or several, whose values together name a group; None for one group.
        every: Length of a period, such as 15min, 6h, 1d, 1w or 1m.
        text_column: Name of the text column; None selects one with a conventional name.
        aspect_column: Name of the aspect column, for texts without predictions and a model that reads aspects.
        labelled: Table of labelled texts of this kind, to choose the estimator and fit the intervals on.
        label_column: Its label column; None selects one with a conventional name.
        true_column: Column of the input with true labels, of some rows or all: errors.csv and the page then say how far
            off the shares were.
        estimator: An estimator; "auto" takes the one that the export or `labelled` chose, "serving" the one that the
            recording rules of a server apply.
        sampled: The texts are a sample of more; False leaves the chance of the draw out of the intervals.
        unique: Count equal texts and retweets once.
        window: Periods before a period that it is compared with.
        history: Folder of all rows so far, to which new ones are added.
        fail_on: Raise for a change in the latest period, or for intervals that are not to be trusted.
        tables: Formats of the table of shares.
        time_format: strptime format of the times; None for ISO 8601, seconds since 1970, Twitter's form, or dates
            of a spreadsheet such as 31.12.2026 14:05, where the order of day and month is clear.
        time_zone: Zone of the periods, and of the times without an offset.
        prefix: Prefix of the columns of predictions.
        separator: See TableOptions, also for the next three.
        encoding: Name of a Python codec.
        quoting: double, backslash or none.
        columns: Names of all columns, if the input has no header.
        quiet: Show no progress bar.

    Returns:
        The page.

    Raises:
        MonitorAlertError: The results are written, and hold what `fail_on` names.
        DataError: The input, a column or a file of the output is invalid.
        InterruptedRunError: Ctrl-C; predictions made so far are kept.
    """
    check_folder(output := as_path(output))
    if time is None:
        check_untimed(every=every, window=window, time_zone=time_zone, fail_on=[*fail_on])
    if labelled is None and label_column is not None:
        raise ConfigError(
            "label_column names a column of labelled=FILE, which is not given; for true labels of the input "
            "set true_column"
        )
    reading = Reading(
        input=str(input), output=output, time=time, by=columns_of(by), text_column=text_column,
        aspect_column=aspect_column, true_column=true_column, prefix=prefix, history=history, unique=unique,
        time_format=time_format, time_zone=time_zone, quiet=quiet,
        options=TableOptions.of("", separator, encoding, quoting, columns),
    )  # fmt: skip
    model = Model(engine, run)
    if labelled is not None:
        model.labelled = LabelledTexts.read(
            labelled, by=reading.by, text_column=text_column, label_column=label_column, aspect_column=aspect_column,
            quoting=reading.options.quoting,
        )  # fmt: skip
    result = examine(
        reading, model, title=output.name, every=every, estimator=estimator, sampled=sampled, window=window
    )
    if "drift" in fail_on and model.reference is None:
        raise ConfigError(f"fail_on=[drift] can do nothing: {result.drift.sentence} Give run=RUN, or leave it out")
    page = write(output, result, tables)
    for sentence in sentences(result):
        log.info("%s", sentence)
    names = [f"shares.{name}" for name in dict.fromkeys(tables)]
    log.info("%s (%s beside it)", page, ", ".join([*names, "changes.json", "shares.prom"]))
    alert(result, fail_on, page)
    return page


def check_untimed(**given: Any) -> None:
    """Raise ConfigError for the first key that differs from its default and needs times, where there are none."""
    defaults = inspect.signature(monitor).parameters
    given["fail_on"] = [one for one in given["fail_on"] if one == "change"]
    for key, value in given.items():
        if value != defaults[key].default and value != []:
            shown = f"[{', '.join(value)}]" if isinstance(value, list) else value
            raise ConfigError(f"{key}={shown} needs the column of times; set time=COLUMN, or leave it out")


def write(output: Path, result: Result, tables: Sequence[Table]) -> Path:
    """Write the files of the output, the page last."""
    make_folder(output)
    remove_tables(output)
    write_shares(output, share_rows(result), tables)
    if result.accuracy is not None:
        write_errors(output, result.accuracy, result, tables)
    about = {"estimator": result.quantifier.choice_json(), "notes": list(result.notes)}
    if result.accuracy is not None:
        about["accuracy"] = result.accuracy.to_json()
    write_json(output / "changes.json", change_json(result, about))
    latest = {(one.group, one.label) for one in latest_changes(result)}
    write_prometheus(output / "shares.prom", result, latest)
    write_page(output / "monitor.html", result)
    return output / "monitor.html"


def latest_changes(result: Result) -> list[Comparison]:
    """Return the changes in the latest period of all."""
    last = max(series[-1].start for series in result.groups.values())
    return [one for _, one in result.changes if one.after.start == last]


def alert(result: Result, fail_on: Sequence[Alert], page: Path) -> None:
    found = []
    if "change" in fail_on and (changes := latest_changes(result)):
        names = [one.group if one.label is None else f"{result.labels[one.label]} in {one.group}" for one in changes]
        what = "the mix" if changes[0].label is None else "the shares"
        found.append(f"{what} of labels changed in the latest period ({', '.join(dict.fromkeys(names))})")
    if "drift" in fail_on and not result.drift.trusted:
        found.append(f"the model may not fit these texts ({result.drift.sentence.rstrip('.')})")
    if found:
        raise MonitorAlertError(f"{' and '.join(found)}; see {page}")
