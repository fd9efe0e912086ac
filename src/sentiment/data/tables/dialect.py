"""Detection of the CSV or TSV dialect (separator, quoting, line ends) from options, format and first lines."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sentiment.data.tables.formats import SEPARATORS
from sentiment.data.tables.options import Quoting, TableOptions
from sentiment.data.tables.rows import below_blank

CANDIDATES = (",", ";", "\t", "|")
BLANK = " ,;\t|"  # characters of a line without values
RECORDS = 500  # lines examined to guess the separator
MOST = 0.8  # fraction of numbers from which a column counts as numeric; the sampled lines may include parts of rows
CONSISTENT = 0.9  # fraction of records as wide as the header that an unusual separator must reach
SPOKEN = {",": "commas", ";": "';'", "\t": "tabs", "|": "'|'", " ": "spaces"}
FEW = 50  # distinct values up to which a column counts as categorical
MANY = 100  # rows from which the limit of distinct values applies


@dataclass(frozen=True, slots=True)
class Dialect:
    separator: str
    quoting: Quoting
    newline: str = "\n"  # "\r" in files of classic Mac OS
    preamble: int = 0  # lines before the header, such as Excel's sep=; or the name of a report
    guesses: tuple[str, ...] = ()  # e.g. "separated by ';'"
    checked: bool = True  # False if the user gave the quoting; then quoted line breaks are not checked by `profile`
    profile: "Profile" = field(default_factory=lambda: Profile([], []))
    spaced: bool = False  # blanks follow the separators, and quotation marks open after them

    def reader_options(self) -> dict[str, Any]:
        quoting: dict[Quoting, dict[str, Any]] = {
            "double": {"doublequote": True},
            "backslash": {"doublequote": False, "escapechar": "\\"},
            "none": {"quoting": csv.QUOTE_NONE},
        }
        own = {"delimiter": self.separator, "strict": True, "skipinitialspace": self.spaced}
        return own | quoting[self.quoting]


class Profile:
    """Statistics of each column's values, used to decide whether a line inside quotes is really a row."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        values = list(zip(*rows, strict=True)) if rows else []
        self.width = len(columns)
        self.counts = [Counter(column) if len(rows) < MANY or len(set(column)) <= FEW else None for column in values]
        self.numeric = [sum(value.strip().isdigit() for value in column) >= MOST * len(column) for column in values]
        self.spaced = [any(value.startswith(" ") for value in column) for column in values]

    def plausible(self, column: int, value: str) -> bool:
        """Return True if the value is consistent with the column's sampled values."""
        if column >= len(self.numeric):
            return True
        if self.numeric[column]:
            return value.strip().isdigit()
        counts = self.counts[column]
        if counts is not None:
            return counts[value] > 1  # a count of 1 is the line itself, which was sampled as a row
        return self.spaced[column] or not value.startswith(" ")


def dialect_of(sample: str, kind: str, options: TableOptions, *, whole: bool) -> Dialect:
    """Determine the dialect of a file.

    Args:
        sample: The first characters of the file.
        kind: csv or tsv.
        options: Settings of the user, which take precedence over guesses.
        whole: True if `sample` is the whole file; else its last line is ignored as incomplete.
    """
    newline = newline_of(sample)
    lines = sample.split(newline)
    if not whole:
        lines = lines[:-1]  # the last line may be incomplete
    lines = [line.removesuffix("\r") for line in lines]
    start = next((i for i, line in enumerate(lines) if line.strip()), 0)
    preamble, guesses, separator = 0, list[str](), options.separator
    hint = lines[start].lstrip("\ufeff") if lines else ""
    if hint.lower().startswith("sep=") and len(hint) == 5:
        preamble = start + 1
        if separator is None:
            separator = hint[4]
            guesses.append(f"separated by {SPOKEN.get(separator, repr(separator))}, as its first line says")
    if options.columns is None and (above := lines_above(lines[preamble:], separator, SEPARATORS[kind])):
        preamble += above
        guesses.append(f"column names in line {preamble + 1}, without the {above} lines above them")
    lines = lines[preamble:]
    if separator is None:
        separator = separator_of(lines, SEPARATORS[kind], given=options.columns)
        if separator != SEPARATORS[kind]:
            guesses.append(f"separated by {SPOKEN[separator]}")
    quoting = options.quoting
    if quoting is None:
        quoting, said = quoting_of(lines, separator)
        guesses += said
    if spaced := quoting != "none" and is_spaced(lines, separator):
        guesses.append("blanks before quotation marks left out")
    rows = [line.split(separator) for line in lines[:5000]]
    width = len(options.columns or (rows[0] if rows else ()))
    regular = [[value.strip('"') for value in row] for row in rows if len(row) == width and any(row)]
    regular = regular if options.columns else regular[1:]
    profile = Profile(range(width), regular)  # type: ignore[arg-type]
    return Dialect(separator, quoting, newline, preamble, tuple(guesses), options.quoting is None, profile, spaced)


def newline_of(sample: str) -> str:
    return "\r" if "\r" in sample and "\n" not in sample else "\n"


def lines_above(lines: Sequence[str], given: str | None, usual: str) -> int:
    """Count the lines above the header, which tools for reports write above an empty one: the report and its period.

    They have fewer values than the header, and the records below it are as wide as it, not as the first line.

    Args:
        lines: The first lines of the file.
        given: The separator that the user set.
        usual: The separator that the file name implies.
    """
    empty, start = below_blank([not line.strip(BLANK) for line in lines])
    if not start:
        return 0
    columns, share = fit([lines[0], *lines[start:]], given or usual, None)
    if columns > 1 and share >= 0.5:
        return 0
    for separator in [given] if given else CANDIDATES:
        columns, share = fit(lines[start:], separator, None)
        widths = [len(line.split(separator)) for line in lines[:empty]]
        expected = separator in (given, usual) or widths[0] > 1  # else a sign within the texts of a single column
        if expected and share >= CONSISTENT and columns > max(widths):
            return start
    return 0


def separator_of(lines: Sequence[str], usual: str, *, given: Sequence[str] | None) -> str:
    """Choose the separator of a file.

    Keeps `usual` if it splits the header and at least half of the records are as wide as the header. Otherwise takes
    the candidate with the most columns among those that fit at least `CONSISTENT` of the records.

    Args:
        lines: The first lines of the file.
        usual: The separator that the file name implies.
        given: Column names of a file without a header.
    """
    fits = {separator: fit(lines, separator, given) for separator in CANDIDATES}
    columns, share = fits[usual]
    if columns > 1 and share >= 0.5:
        return usual
    others = [
        (columns, separator)
        for separator, (columns, share) in fits.items()
        if separator != usual and columns > 1 and share >= CONSISTENT
    ]
    return max(others)[1] if others else usual


def fit(lines: Sequence[str], separator: str, given: Sequence[str] | None) -> tuple[int, float]:
    """Return the number of header columns for a separator, and the fraction of records with as many values."""
    some = [line for line in lines[:RECORDS] if line]
    plain = [len(line.split(separator)) for line in some]
    spaced = is_spaced(some, separator)
    try:
        reader = csv.reader((f"{line}\n" for line in some), delimiter=separator, skipinitialspace=spaced)
        quoted = [len(row) for row in reader if row]
    except csv.Error:
        quoted = []
    return max((agreement(counts, given) for counts in (quoted, plain)), key=lambda found: found[1])


def is_spaced(lines: Sequence[str], separator: str) -> bool:
    """Return True for lines such as `good, "a text, really"`, in which blanks stand before quoted values.

    Nearly all lines are so, or those below column names that are: a text may hold `, "` too.
    """
    some = [line for line in lines[:RECORDS] if line.strip()]
    if separator.isspace() or not some:
        return False
    opens = re.compile(rf'{re.escape(separator)} +"(?!")')
    found = sum(opens.search(line) is not None for line in some)
    names = some[0].split(separator)[1:]
    if found and names and all(name.startswith(" ") for name in names):
        return True
    return found >= CONSISTENT * len(some[1:]) > 0 and not any(f'{separator}"' in line for line in some)


def agreement(counts: Sequence[int], given: Sequence[str] | None) -> tuple[int, float]:
    if not counts:
        return 0, 0.0
    width = len(given) if given else counts[0]
    own = counts if given else counts[1:] or counts
    return width, Counter(own)[width] / len(own)


def quoting_of(lines: Sequence[str], separator: str) -> tuple[Quoting, list[str]]:
    """Guess whether quotation marks delimit values, and return the guess with notes for the user.

    Only TSV needs a guess, as most tools write it without quoting: if every line is as wide as the header and some
    value starts with a mark that its line does not close, the marks belong to the texts. With other separators quoting
    is assumed, and lines that contradict it are rejected later.
    """
    if separator != "\t":
        return "double", []
    rows = [line.split(separator) for line in lines if line]
    quoted = [value for row in rows for value in row if value.startswith('"')]
    if not quoted or any(len(row) != len(rows[0]) for row in rows):
        return "double", []
    if all(closes(value) for value in quoted):
        return "double", ["quotation marks around values taken off"]
    return "none", ["quotation marks kept as part of the texts"]


def closes(value: str) -> bool:
    """Return True if a value that opens with a quotation mark is fully quoted, with inner marks doubled."""
    inner = value[1:-1]
    return len(value) > 1 and value.endswith('"') and inner.count('"') % 2 == 0 and '"' not in inner.replace('""', "")
