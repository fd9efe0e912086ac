"""Files of human labels that the page writes, and how their labels take the place of those of other files."""

import logging
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

from sentiment.data.label_values import meaning
from sentiment.data.labelled import FileRows, Labelled
from sentiment.errors import DataError
from sentiment.inference.types import Label, names_of

log = logging.getLogger(__name__)

COLUMNS = ("text", "label", "predicted", "score", "version", "time")  # of a feedback file


def is_feedback(columns: Sequence[str]) -> bool:
    return set(COLUMNS) <= set(columns)


def with_corrections(split: str, rows: Labelled, *, labels: Sequence[str] | None = None) -> Labelled:
    """Apply the labels of a split's feedback files: of each text the last one counts, in other files too.

    Rows of other files keep their place and get that label; a text that no other file has becomes a row.

    Raises:
        DataError: A feedback file has a label that no other file has, and `labels` is None.
    """
    if not any(file.feedback for file in rows.files):
        return rows
    given, elsewhere = dict[Hashable, int](), set[Hashable]()  # row of the last human label, by text and aspect
    for file, _, i in number_rows(rows):
        if not file.feedback:
            elsewhere.add(key(rows, i))
        elif rows.texts[i] and rows.labels[i] is not None:
            given[key(rows, i)] = i
    if labels is None:
        check_known(split, rows)
    kept, now, files = list[int](), list[Label | None](), list[FileRows]()
    at = agreed = superseded = 0
    for file in rows.files:
        start, changed = len(kept), 0
        for i in range(at, at + file.rows):
            last = given.get(key(rows, i), i)
            if file.feedback and (i != last or key(rows, i) in elsewhere):
                superseded += i != last
                continue
            same = meanings(rows.labels[i]) == meanings(rows.labels[last])
            changed += not same
            agreed += i != last and same
            kept.append(i)
            now.append(rows.labels[last])
        files.append(replace(file, rows=len(kept) - start, relabelled=changed))
        at += file.rows
    log.info(
        "%s: %d human labels of %s; %d texts are new, %d rows of other files get another label, %d have it already, "
        "%d labels are replaced by a later one",
        split, sum(file.rows for file in rows.files if file.feedback),
        ", ".join(file.file for file in files if file.feedback), sum(file.rows for file in files if file.feedback),
        sum(file.relabelled for file in files), agreed, superseded,
    )  # fmt: skip
    aspects = None if rows.aspects is None else [rows.aspects[i] for i in kept]
    return replace(rows, texts=[rows.texts[i] for i in kept], labels=now, aspects=aspects, files=tuple(files))


def check_known(split: str, rows: Labelled) -> None:
    """Raise DataError for the first label of a feedback file that no other file of the split has, if there is one."""
    known = {
        meaning(name)
        for file, _, i in number_rows(rows)
        if not file.feedback
        for name in names_of(rows.labels[i] or ())
    }
    for file, number, i in number_rows(rows):
        other = [name for name in names_of(rows.labels[i] or ()) if meaning(name) not in known]
        if file.feedback and known and other:
            raise DataError(
                f"{file.file}, row {number}: the label {other[0]!r} is in no other file of the {split} split; "
                f"data.label_map={{{other[0]}: NAME}} renames it, data.labels=[...] with all labels adds it"
            )


def number_rows(rows: Labelled) -> Iterator[tuple[FileRows, int, int]]:
    """Yield the file of each row, its number there from 1, and its index among all rows."""
    at = 0
    for file in rows.files:
        yield from ((file, number, at + number - 1) for number in range(1, file.rows + 1))
        at += file.rows


def meanings(label: Label | None) -> Hashable:
    return None if label is None else frozenset(map(meaning, names_of(label)))


def key(rows: Labelled, i: int) -> Hashable:
    return rows.texts[i], None if rows.aspects is None else rows.aspects[i]
