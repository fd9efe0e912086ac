"""Read labelled texts: a hub id, local files, or a folder, as splits of two string columns, text and label."""

import codecs
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import datasets
import pandas
from datasets import ClassLabel, Dataset

from sentiment.backbones import check_revision
from sentiment.data.trees import is_archive, is_tree, read_archive, read_tree
from sentiment.errors import DataError
from sentiment.text import TEXT_COLUMNS

log = logging.getLogger(__name__)

FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}
SPLITS = {"train": ("train",), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
LABEL_COLUMNS = ("label", "sentiment", "labels")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the splits come from: named files win over `dir`, `dir` over `hub`."""

    hub: str | None = None  # a dataset id, e.g. "stanfordnlp/imdb"
    hub_config: str | None = None
    dir: Path | None = None  # a folder or tar archive of train, validation and test, or one file to split
    train: Path | None = None
    validation: Path | None = None
    test: Path | None = None
    revision: str | None = None  # a commit, branch or tag of the hub id

    def read(self, *, text_column: str | None, label_column: str | None) -> dict[str, Dataset]:
        """Splits by name with the string columns "text" and "label"; DataError where something is amiss."""
        splits = self._open()
        return {name: _two_columns(name, split, text_column, label_column) for name, split in splits.items()}

    def _open(self) -> Mapping[str, Dataset]:
        check_revision("data.revision", self.revision, None if self.dir or self.train else self.hub)
        files = {name: [Path(path)] for name in SPLITS if (path := getattr(self, name))}
        if self.dir and is_archive(Path(self.dir)):
            return {**read_archive(Path(self.dir), SPLITS), **read_files(files)}
        if self.dir:
            files = {**find_splits(Path(self.dir)), **files}
        if files:
            return read_files(files)
        if self.hub:
            return read_hub(self.hub, self.hub_config, self.revision)
        raise DataError("no data named; set data.train=FILE, data.dir=FOLDER or data.hub=ID")


def find_splits(folder: Path) -> dict[str, list[Path]]:
    """train, validation and test of a folder, by the usual names; a file is a training split alone.

    A split is a file, files with the hub's numbers (train-00000-of-00002.parquet), or a folder with one of texts for
    each label.
    """
    if folder.is_file():
        return {"train": [folder]}
    if not folder.is_dir():
        raise DataError(f"data.dir={folder}: no such file or folder")
    found = {split: paths for split, stems in SPLITS.items() if (paths := find_split(folder, split, stems))}
    if not found:
        raise DataError(
            f"{folder} has no train, validation or test file with one of {', '.join(FORMATS)}, "
            "nor <split>/<label>/<name>.txt"
        )
    return found


def find_split(folder: Path, split: str, stems: Sequence[str]) -> list[Path]:
    paths = [path for stem in stems for path in sorted(folder.glob(f"{stem}.*")) if path.suffix in FORMATS]
    shards = [path for stem in stems for path in sorted(folder.glob(f"{stem}-?????-of-?????.parquet"))]
    paths += [path for stem in stems if is_tree(path := folder / stem)]
    if len(paths) + bool(shards) > 1:
        names = _names([*paths, *shards[:1]])
        raise DataError(f"{folder} has several {split} files ({names}); name one with data.{split}=FILE")
    return paths or shards


def read_files(files: Mapping[str, Sequence[Path]]) -> dict[str, Dataset]:
    return {split: datasets.concatenate_datasets([*map(read_file, paths)]) for split, paths in files.items()}


def read_file(path: Path) -> Dataset:
    """One CSV, TSV, JSON Lines or Parquet file, or a folder of texts; CSV values stay strings ("NA" and "001" too)."""
    if is_tree(path):
        return read_tree(path)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    kind = FORMATS.get(path.suffix)
    if kind is None:
        raise DataError(f"{path}: unknown format {path.suffix!r}; expected one of {', '.join(FORMATS)}")
    if kind != "parquet":
        check_utf8(path)
    try:
        if kind == "csv":
            separator = "\t" if path.suffix == ".tsv" else ","
            table = pandas.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
            return Dataset.from_pandas(table, preserve_index=False)
        return datasets.load_dataset(kind, data_files=str(path), split="train")
    except (datasets.exceptions.DatasetGenerationError, ValueError, OSError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise DataError(f"{path}: not readable as {path.suffix[1:].upper()}: {reason}") from error


def check_utf8(path: Path) -> None:
    """DataError with line and byte where a file is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                decoder.decode(line)
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}, line {number}: not UTF-8 (byte 0x{line[error.start]:02x} at column {error.start + 1}); "
                    "save the file as UTF-8"
                ) from error


def read_hub(name: str, config: str | None, revision: str | None = None) -> Mapping[str, Dataset]:
    """All splits of a dataset of the hub, or of its cached copy; `name` may be a local folder too."""
    try:
        return dict(datasets.load_dataset(name, config, revision=revision))
    except Exception as error:  # the hub client raises many kinds: offline, unknown id, gated, broken files
        reason = str(error).splitlines()[0]
        raise DataError(f"cannot load {name!r} from the hub: {reason}; or point data.dir to local files") from error


def _two_columns(name: str, split: Dataset, text_column: str | None, label_column: str | None) -> Dataset:
    text = _column(split, name, text_column, TEXT_COLUMNS, "text_column")
    label = _column(split, name, label_column, LABEL_COLUMNS, "label_column")
    feature = split.features[label]
    values = split[label][:]
    if isinstance(feature, ClassLabel):
        names = [feature.int2str(value) if value is not None and value >= 0 else None for value in values]
    else:
        names = [None if value is None else str(value).strip() for value in values]
    texts = [None if v is None else str(v) for v in split[text][:]]
    return Dataset.from_dict({"text": texts, "label": names})


def _column(split: Dataset, name: str, wanted: str | None, usual: tuple[str, ...], key: str) -> str:
    if wanted is None:
        wanted = next((column for column in usual if column in split.column_names), usual[0])
    if wanted not in split.column_names:
        columns = ", ".join(map(repr, split.column_names))
        raise DataError(f"the {name} split has no column {wanted!r}, only {columns}; set data.{key}")
    return wanted


def _names(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths)
