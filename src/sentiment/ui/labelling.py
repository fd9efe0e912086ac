"""Labelling of one text after another by one visitor: what comes next, what was given, and the card that shows it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import islice
from pathlib import Path

from sentiment.batch.cells import cell
from sentiment.data.csv_output import write_csv
from sentiment.data.label_values import finder, meaning
from sentiment.data.tables import Limits, Row, base_name, label_column, label_value, open_table, text_column
from sentiment.errors import DataError
from sentiment.files import write_text
from sentiment.inference.types import Model, Prediction, list_labels, names_of
from sentiment.ui import render
from sentiment.ui.feedback import Correction, Corrections
from sentiment.ui.suggestions import key, suggest

SUSPECTS = ("rank", "row", "text", "label", "suggested", "probability", "margin")  # columns of suspects.csv
COUNT = 20  # texts suggested at a time


@dataclass(frozen=True, slots=True)
class Item:
    """A text to label.

    Attributes:
        text: The text.
        prediction: The answer of the model, or of the review.
        given: The label that it has; None for a text without one.
    """

    text: str
    prediction: Prediction
    given: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """The texts of a visitor, and the answers so far: a correction, or None for a text that was skipped."""

    items: tuple[Item, ...]
    labels: tuple[str, ...]
    version: str
    answers: tuple[Correction | None, ...] = ()
    several: bool = False  # a text has any number of labels

    @property
    def reviews(self) -> bool:
        return any(item.given is not None for item in self.items)

    @property
    def current(self) -> Item | None:
        return self.items[len(self.answers)] if len(self.answers) < len(self.items) else None

    @property
    def given(self) -> list[Correction]:
        return [answer for answer in self.answers if answer]

    def answered(self, label: str, corrections: Corrections) -> "Session":
        """Save the label of the current text and go on to the next. Raises DataError for an unknown label."""
        assert self.current
        correction = Correction.of(self.current.text, label, self.current.prediction, self.version)
        corrections.add(correction)
        return replace(self, answers=(*self.answers, correction))

    def skipped(self) -> "Session":
        return replace(self, answers=(*self.answers, None))

    def undone(self, corrections: Corrections) -> tuple["Session", bool]:
        """Go back by one text, and take its label out of the file; False if it had to stay there."""
        last = self.answers[-1]
        taken = last is None or corrections.withdraw(last)
        return replace(self, answers=self.answers[:-1]), taken


def session_of(texts: Sequence[str], predictions: Sequence[Prediction], *, model: Model, count: int = COUNT) -> Session:
    """Start a session with the texts most worth a label; those that cannot be read are left out.

    Raises:
        DataError: No text is left.
    """
    kept = [i for i, one in enumerate(predictions) if one.readable is not False]
    chosen = suggest([texts[i] for i in kept], [predictions[i] for i in kept], count)
    items = tuple(Item(texts[kept[i]], predictions[kept[i]]) for i in chosen)
    if not items:
        raise DataError("No text of this table is left to label: all are empty, unreadable, or labelled already.")
    several = items[0].prediction.labels is not None
    return Session(items, tuple(model.labels), model.version, several=several)


def distinct_texts(path: Path, column: str, limits: Limits, *, known: set[str]) -> list[str]:
    """Read the texts of a table, each once, without those that have a label already."""
    texts, seen = list[str](), {key(text) for text in known}
    for row in open_table(path, limits=limits, broken="keep").rows(broken="keep"):
        text = row.get(column) if isinstance(row, Mapping) else None
        if isinstance(text, str) and text.strip() and key(text) not in seen:
            seen.add(key(text))
            texts.append(text)
    return texts


def is_suspects(columns: Sequence[str]) -> bool:
    return set(SUSPECTS) <= set(columns)


def review_of(path: Path, limits: Limits, model: Model) -> Session:
    """Start a session with the suspects of `sentiment review`. Raises DataError for those of another model, or none."""
    items, table, find = [], open_table(path, limits=limits), finder(model.labels)
    if "aspect" in table.columns:
        raise DataError("These suspects are of texts with aspects, which this tab cannot show: read suspects.csv.")
    for row in islice(table.rows(), limits.rows):
        given, suggested = (find(row[column]) for column in ("label", "suggested"))
        for name, found in ((row["label"], given), (row["suggested"], suggested)):
            if found is None:
                has = list_labels(model.labels)
                raise DataError(f"These suspects have the label {name!r}, and the model here has {has}: open its page.")
        share = float(row["probability"])
        prediction = Prediction(str(suggested), share, {**dict.fromkeys(model.labels, 0.0), str(suggested): share})
        items.append(Item(row["text"], prediction, given))
    if not items:
        raise DataError("This list of suspects is empty: the review found no label that is likely wrong.")
    return Session(tuple(items), tuple(model.labels), "review")


def changes(session: Session) -> dict[str, tuple[str, str]]:
    """Return the former and the new label of each text of a review whose label was changed."""
    pairs = zip(session.items, session.answers, strict=False)
    return {
        item.text: (item.given, str(answer.label))
        for item, answer in pairs
        if answer and item.given is not None and answer.label != item.given
    }


def card(session: Session | None) -> str:
    """Render the current text with a button for each label, or what was done."""
    if session is None:
        return ""
    done, all_of = len(session.answers), len(session.items)
    count = f"{len(session.given):,} labelled, {done - len(session.given):,} skipped"
    undo = button("undo", "Undo", "⌫") if done else ""
    if (item := session.current) is None:
        end = f'<p class="verdict"><strong>Done</strong> <span>{count}</span></p>'
        return f'<section class="card" data-at="{done}" tabindex="0" aria-label="Done">{end}{row(undo)}</section>'
    if item.given is None:
        drawn = render.bars(item.prediction.probabilities, given=names_of(item.prediction.answer))
        hint = f"<details><summary>What the model says</summary>{drawn}</details>"
    else:
        suggested = f"{escape(item.prediction.label)}, {render.percent(item.prediction.score)} probable"
        hint = f'<p class="hint">Labelled <b>{escape(item.given)}</b>; the review suggests <b>{suggested}</b>.</p>'
    names = [
        label_button(name, i, session.several, keep=name == item.given) for i, name in enumerate(session.labels, 1)
    ]
    save = button("save", "Save", "Enter") if session.several else ""
    return (
        f'<section class="card" data-at="{done}" tabindex="0" aria-label="Text {done + 1} of {all_of}">'
        f'<p class="place"><b>{done + 1:,} of {all_of:,}</b> <span>{count}</span></p>'
        f'<blockquote class="text" tabindex="0">{escape(item.text)}</blockquote>{hint}'
        f"{row(''.join(names) + save)}{row(button('skip', 'Skip', 'S') + undo)}</section>"
    )


def row(buttons: str) -> str:
    return f'<div class="choose">{buttons}</div>'


def label_button(name: str, number: int, several: bool, *, keep: bool) -> str:
    pressed = ' aria-pressed="false"' if several else ""
    kbd = f"<kbd>{number}</kbd> " if number < 10 else ""
    shown = f"Keep {escape(name)}" if keep else escape(name)
    return f'<button type="button" data-label="{escape(name)}"{pressed}>{kbd}{shown}</button>'


def button(action: str, name: str, keyboard: str) -> str:
    return f'<button type="button" class="plain" data-do="{action}"><kbd>{keyboard}</kbd> {name}</button>'


def command(feedback: Path) -> str:
    """Return the command that trains with the labels beside a file of others."""
    return f"python train.py data=files 'data.train=[mine.csv,{feedback}]'"


def corrected_copy(
    path: Path, into: Path, changed: Mapping[str, Sequence[str]], limits: Limits | None = None
) -> tuple[Path, int]:
    """Write a copy of a table with other labels, and return it with the number of its changed rows.

    Returns:
        The copy, JSON Lines for such a table and CSV for any other, and the number of its changed rows.

    Raises:
        DataError: The table has no columns of texts and labels, or no row with a changed label.
    """
    table = open_table(path, limits=limits)
    text = text_column(table.columns, None, path.name, key="the name of the column")
    label = label_column(table.columns, None, path.name, key="the name of the column")
    rows, count = list[Row](), 0
    for row in table.rows():
        former, new = changed.get(str(row.get(text)), (None, None))
        if former is not None and meaning(label_value(row.get(label), label) or "") == meaning(former):
            row, count = {**row, label: new}, count + 1
        rows.append(row)
    if not count:
        raise DataError(
            f"{path.name} has none of the {len(changed)} changed labels: upload the table that was reviewed."
        )
    columns = [*dict.fromkeys(name for row in rows for name in row)]
    if table.kind == "jsonl":
        target = into / f"{base_name(path)}-corrected.jsonl"
        write_text(target, "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows))
    else:
        target = into / f"{base_name(path)}-corrected.csv"
        write_csv(target, [columns, *([cell(row.get(name)) for name in columns] for row in rows)])
    return target, count
