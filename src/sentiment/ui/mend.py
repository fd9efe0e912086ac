"""A table with broken lines made whole: each keeps its place, without a text, and its reason is told."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from sentiment.batch.formats import DELIMITERS, Format, open_text
from sentiment.batch.source import header


def mended(path: Path, text: str, folder: Path) -> tuple[Path, dict[int, str]]:
    """A plain copy in `folder` that reads strictly, and the reason of each row, counted from 1, that did not.

    What a line lacks is empty in the copy, what it has too much is dropped; `text` names the column with the texts.
    """
    kind = Format.of(path, "input").kind
    target, reasons = folder / f"mended.{kind}", dict[int, str]()
    with target.open("w", encoding="utf-8", newline="") as file:
        if kind == "jsonl":
            file.writelines(json_lines(path, text, reasons))
        else:
            csv.writer(file, delimiter=DELIMITERS[kind]).writerows(csv_rows(path, kind, text, reasons))
    return target, reasons


def csv_rows(path: Path, kind: str, text: str, reasons: dict[int, str]) -> Iterator[list[str]]:
    columns = header(path, kind)
    with open_text(path) as file:
        rows = (row for row in csv.reader(file, delimiter=DELIMITERS[kind]) if row)
        yield next(rows)
        for number, row in enumerate(rows, 1):
            if len(row) != len(columns):
                reasons[number] = f"{len(row)} values under {len(columns)} columns"
                row = [*row, *[""] * len(columns)][: len(columns)]
                row[columns.index(text)] = ""
            yield row


def json_lines(path: Path, text: str, reasons: dict[int, str]) -> Iterator[str]:
    with open_text(path) as file:
        for number, line in enumerate((line for line in file if line.strip()), 1):
            try:
                row = json.loads(line)
            except ValueError:
                row, reasons[number] = {text: ""}, "not valid JSON"
            if not isinstance(row, dict):
                row, reasons[number] = {text: ""}, "no JSON object"
            yield json.dumps(row, ensure_ascii=False) + "\n"
