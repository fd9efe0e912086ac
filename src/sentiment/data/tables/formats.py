"""Table formats, determined from file names."""

from dataclasses import dataclass
from pathlib import Path

from sentiment.errors import DataError

STDIN = Path("-")
KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",  # an array of objects or JSON Lines, determined from the content
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".txt": "txt",  # a text a line
    ".text": "txt",
}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
SEPARATORS = {"csv": ",", "tsv": "\t"}  # defaults; dialect detection may find another
TITLES = {"csv": "CSV", "tsv": "TSV", "jsonl": "JSON", "parquet": "Parquet", "xlsx": "Excel", "txt": "text lines"}


@dataclass(frozen=True, slots=True)
class Format:
    kind: str  # a value of KINDS
    compression: str | None = None  # a value of COMPRESSIONS


def format_of(path: Path) -> Format:
    """Determine the format from the file name, case-insensitively; DataError for an unknown suffix."""
    compression = COMPRESSIONS.get(path.suffix.lower())
    suffix = kind_suffix(path)
    if suffix not in KINDS:
        tables = ", ".join(suffix for suffix, kind in KINDS.items() if kind != "txt")
        raise DataError(
            f"{path}: unknown format {path.suffix!r}; expected {tables}, or .txt with a text a line, also .gz or .zst"
        )
    return Format(KINDS[suffix], compression)


def kind_suffix(path: Path) -> str:
    """Return the lower-case suffix without the compression's: .csv for a.csv and A.CSV.GZ."""
    name = path.stem if path.suffix.lower() in COMPRESSIONS else path.name
    return Path(name).suffix.lower()


def is_table(path: Path) -> bool:
    """Return True if the file name has the suffix of a format with named columns; the content is not read."""
    return KINDS.get(kind_suffix(path)) not in (None, "txt")


def base_name(path: Path) -> str:
    """Return the name without format and compression suffixes: out for out.csv, out.csv.gz and out.parquet."""
    name = path.stem if path.suffix.lower() in COMPRESSIONS else path.name
    return Path(name).stem


def not_a_file(path: Path) -> str:
    """Return why a path cannot be read as a file, with what to do about it, for the end of a message."""
    if path.is_dir():
        return f"is a folder; name its files, such as {path / '*.csv'}"
    return "is a pipe or a device; save it as a file first" if path.exists() else "no such file"


def display_name(path: Path) -> str:
    return "standard input" if path == STDIN else str(path)
