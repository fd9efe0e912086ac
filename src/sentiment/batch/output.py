"""Output of a batch job: format, accompanying files, and checks of the target path."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from sentiment.batch.cells import duplicates
from sentiment.batch.encoders import Compression, DelimitedEncoder, Encoder, JsonEncoder
from sentiment.batch.excel import Counted, ExcelEncoder
from sentiment.batch.parquet import ParquetEncoder
from sentiment.data.tables import MANIFEST, formats, is_partitioned, is_visible, partitions
from sentiment.errors import ConfigError, DataError
from sentiment.files import SURROGATE, check_target
from sentiment.remote import access, as_path, check_folder, is_folder, is_remote, listing, same_file

KINDS = {  # a list cannot be written in parts, nor columns in lines of text
    suffix: kind for suffix, kind in formats.KINDS.items() if suffix != ".json" and kind != "txt"
}
PARTED = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")  # suffixes of folders of such parts
SPREADSHEETS = ("csv", "tsv", "xlsx")  # kinds that spreadsheet programs open


@dataclass(frozen=True, slots=True)
class Output:
    """File to write, or folder to fill with parts; in `path` symbolic links are resolved."""

    path: Path
    kind: str  # a value of KINDS
    compression: str | None = None  # a value of formats.COMPRESSIONS
    spreadsheet_safe: bool = False
    partitioned: bool = False

    @classmethod
    def of(cls, value: str | Path, *, spreadsheet_safe: bool = False) -> "Output":
        """Determine the format from the name of the file or folder; the parts of a folder are Parquet by default.

        Args:
            value: The output that the user named; a slash at the end makes it a folder.
            spreadsheet_safe: Keep spreadsheets from evaluating texts as formulas.

        Raises:
            DataError: `path` is a folder or a special file, or its suffix is not supported.
            ConfigError: `spreadsheet_safe` does not apply to the format.
        """
        path = as_path(re.sub(r"(?<=[^/:])/+$", "", value) if isinstance(value, str) else value)
        partitioned = str(value).endswith("/") or is_partitioned(path)
        suffix, compression = formats.kind_suffix(path), formats.COMPRESSIONS.get(path.suffix.lower())
        if partitioned:
            suffix = suffix if suffix in formats.KINDS else ".parquet"
            if suffix not in PARTED:
                raise DataError(
                    f"output={path}/: parts are {', '.join(PARTED)}; name the folder so, or without a suffix"
                )
        elif is_folder(path):
            raise DataError(
                f"output={path} is a folder; name a file in it, such as {path / 'predictions.csv'}, or {path}/ to have "
                "it filled with parts"
            )
        if suffix not in KINDS:
            raise DataError(f"output={path}: expected {', '.join(KINDS)}; the first four also with .gz or .zst")
        kind = KINDS[suffix]
        if compression and kind in ("parquet", "xlsx"):
            raise DataError(f"output={path}: {suffix} compresses by itself; name it {path.stem}")
        if spreadsheet_safe and kind not in SPREADSHEETS:
            raise ConfigError(
                f"spreadsheet_safe=true does nothing for {path.name}, which no spreadsheet runs; leave it out, "
                "or write .csv, .tsv or .xlsx"
            )
        if not is_remote(path):
            path = path.resolve() if partitioned else check_target(path)
        return cls(path, kind, compression, spreadsheet_safe, partitioned)

    @property
    def parts(self) -> Path:
        return self.path / partitions.JOB if self.partitioned else beside(self.path, "parts")

    @property
    def summary(self) -> Path:
        return self.path / MANIFEST if self.partitioned else beside(self.path, "summary.json")

    @property
    def rejects(self) -> Path:
        return self.path / "_rejects.csv" if self.partitioned else beside(self.path, "rejects.csv")

    @property
    def part_suffix(self) -> str:
        return f".{self.kind}{self.path.suffix.lower() if self.compression else ''}"

    def check_place(self) -> None:
        """Raise DataError or PermissionError where no file of the output can be written, see `remote.check_folder`."""
        folder = self.path if self.partitioned or is_remote(self.path) else self.path.parent
        check_folder(folder, f"output={self.path}")

    def check_beside(self, inputs: Sequence[Path]) -> None:
        """Check that the job can write its files without overwriting an input.

        Raises:
            DataError: The output, summary or rejects file is one of the inputs, or the folder holds other files.
        """
        if self.partitioned:
            self._check_folder()
        for own in (self.path, self.summary, self.rejects):
            with access(own):
                taken = own.exists() and any(same_file(own, path) for path in inputs)
                folder = own != self.path and is_folder(own)
            if taken:
                raise DataError(f"output={self.path}: {own} is one of the inputs; choose another output")
            if folder:
                raise DataError(f"output={self.path}: {own}, which it needs, is a folder; choose another output")

    def _check_folder(self) -> None:
        """Raise DataError if there is a file, or files that no job of this format wrote."""
        there = listing(self.path)
        if not there and self.path.is_file():
            raise DataError(f"output={self.path}/ is a file; name a folder")
        own = re.compile(rf"part-\d{{7,}}{re.escape(self.part_suffix)}")
        others = [name for name in there if is_visible(name) and not own.fullmatch(name)]
        if others:
            raise DataError(
                f"output={self.path}/ holds {min(others)}, which is no part of this output; name a new or empty folder"
            )

    def encoder(
        self,
        columns: Sequence[str],
        fields: Mapping[str, pa.Field],
        metadata: dict[bytes, bytes] | None,
        counted: Counted | None = None,
    ) -> Encoder:
        """Create the encoder of this format.

        Args:
            columns: Names of all output columns.
            fields: Known column types, for Parquet.
            metadata: Schema metadata, for Parquet.
            counted: The column that a summary sheet counts, for Excel.

        Raises:
            DataError: A column name occurs twice or contains a lone surrogate.
        """
        check_columns(columns)
        compress = Compression(self.compression)
        if self.kind == "parquet":
            return ParquetEncoder(columns, fields, metadata)
        if self.kind == "xlsx":
            return ExcelEncoder(columns, self.spreadsheet_safe, counted)
        if self.kind == "jsonl":
            return JsonEncoder(compress)
        return DelimitedEncoder(
            columns, formats.SEPARATORS[self.kind], compress, self.spreadsheet_safe, self.partitioned
        )


def beside(path: Path, ending: str) -> Path:
    """Append `ending` to the full name (out.csv.summary.json), so that out.csv and out.parquet share no file."""
    return path.with_name(f"{path.name}.{ending}")


def check_columns(columns: Sequence[str]) -> None:
    if twice := duplicates(columns):
        raise DataError(f"the output would have the column {twice[0]!r} twice; rename one, or set prefix=...")
    if broken := [column for column in columns if SURROGATE.search(column)]:
        raise DataError(f"the column {broken[0]!r} has half of a surrogate pair in its name; rename it")
