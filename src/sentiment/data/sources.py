"""Reading of labelled splits from a hub dataset, local files, a folder or an archive."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import datasets
from datasets import ClassLabel, Dataset

from sentiment.backbones import check_revision
from sentiment.data.folders import SPLITS, find_splits
from sentiment.data.label_form import ONE, LabelForm
from sentiment.data.labelled import Labelled, labelled
from sentiment.data.tables import (
    Table,
    TableOptions,
    announce,
    format_of,
    is_table,
    label_column,
    named,
    open_table,
    text_column,
    usual_label,
)
from sentiment.data.tables.columns import listed
from sentiment.data.text_folders import is_archive, is_tree, read_archive, read_tree
from sentiment.data.tweeteval import is_text_file, read_pair
from sentiment.errors import ConfigError, DataError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns; None selects a text or label column with a conventional name, and no aspect column."""

    text: str | None = None
    label: str | None = None
    aspect: str | None = None
    form: LabelForm = ONE

    def of(self, names: Sequence[str], source: str) -> tuple[str, ...]:
        """Return the names of the text, the label and, if one is set, the aspect column of a table.

        Raises:
            DataError: A column is missing, or is two of the three.
        """
        text = text_column(names, self.text, source, key="data.text_column")
        label = self._label(names, source)
        if text == label or text in self.form.columns:
            raise DataError(f"{source}: data.text_column and data.label_column are both {text!r}; name two columns")
        if self.aspect is None:
            return text, label
        if self.aspect in (text, label, *self.form.columns):
            own = "text" if self.aspect == text else "label"
            raise DataError(f"{source}: data.{own}_column and data.aspect_column are both {self.aspect!r}; name two")
        return text, label, named(names, self.aspect, source, key="data.aspect_column")

    def _label(self, names: Sequence[str], source: str) -> str:
        """Return the label column; of a column for each label a name for messages."""
        if lacking := [name for name in self.form.columns if name not in names]:
            raise DataError(f"{source} has no column {lacking[0]!r}, only {listed(names)}; set data.label_columns")
        if self.form.columns:
            return "label_columns"
        key = "data.label_column" + (" or data.label_columns" if self.form.multi else "")
        return label_column(names, self.label, source, key=key)

    def read(self, own: Sequence[str]) -> list[str]:
        """Return the columns to read, of which `own` are named by `of`."""
        return [*own] if not self.form.columns else [own[0], *own[2:], *self.form.columns]

    def cells(self, row: Mapping[str, Any], own: Sequence[str]) -> tuple[Any, ...]:
        """Return the cells of a row, of a column for each label the row itself."""
        text, label, *aspect = own
        return row.get(text), row if self.form.columns else row.get(label), *(row.get(name) for name in aspect)


@dataclass(frozen=True, slots=True)
class Source:
    """Origin of the splits; named files take precedence over `dir`, and `dir` over `hub`."""

    hub: str | None = None  # a dataset id, e.g. "stanfordnlp/imdb"
    hub_config: str | None = None
    dir: Path | None = None  # folder or tar archive with the splits, or a single file to split
    train: Path | None = None
    validation: Path | None = None
    test: Path | None = None
    options: TableOptions = field(default_factory=TableOptions)
    revision: str | None = None  # commit, branch or tag of the hub dataset

    def read(
        self,
        *,
        text_column: str | None,
        label_column: str | None,
        aspect_column: str | None = None,
        form: LabelForm = ONE,
    ) -> dict[str, Labelled]:
        """Read the splits by name.

        An unlabelled test split found in a folder is left out, because its labels may be withheld. A file named by the
        user must have labels.

        Args:
            text_column: Name of the text column, if not a conventional one.
            label_column: Name of the label column, if not a conventional one.
            aspect_column: Name of the aspect column; None reads no aspects.
            form: How the labels stand in their cell, or columns.

        Raises:
            DataError: No data is named, a file cannot be read, or an option applies to no file.
        """
        check_revision("data.revision", self.revision, None if self.dir or self.train else self.hub)
        columns = Columns(text_column, label_column, aspect_column, form)
        files = {name: [Path(path)] for name in SPLITS if (path := getattr(self, name))}
        inside: dict[str, list[Path]] = {}
        splits: dict[str, Labelled] = {}
        if self.dir and is_archive(Path(self.dir)):
            refuse_aspects(columns, f"data.dir={self.dir}")
            splits = read_archive(Path(self.dir), SPLITS)
        elif self.dir:
            inside = {name: paths for name, paths in find_splits(Path(self.dir)).items() if name not in files}
        elif self.hub and not files:
            splits = read_hub(self.hub, self.hub_config, self.revision, columns)
        elif not files:
            raise DataError("no data named; set data.train=FILE, data.dir=FOLDER or data.hub=ID")
        self._check_options([path for paths in (*files.values(), *inside.values()) for path in paths])
        for name, paths in files.items():
            splits[name] = self._files(name, paths, columns)
        for name, paths in inside.items():
            if name == "test" and all(is_unlabelled(path, columns, self.options) for path in paths):
                log.warning("%s has no labels; the test split is left out", ", ".join(map(str, paths)))
            else:
                splits[name] = self._files(name, paths, columns)
        return {name: splits[name] for name in SPLITS if name in splits} | splits

    def _files(self, name: str, paths: Sequence[Path], columns: Columns) -> Labelled:
        rows = Labelled.joined(read_file(path, columns, self.options) for path in paths)
        if not rows:
            raise DataError(f"the {name} split, {', '.join(map(str, paths))}, has no rows; add some, or leave it out")
        return rows

    def _check_options(self, paths: Sequence[Path]) -> None:
        """Raise DataError for a table option that applies to none of the files."""
        kinds = [format_of(path).kind for path in paths if is_table(path)]
        for kind in kinds:
            if self.options.only_for(kind) == self.options:
                return
        for option in self.options.given():
            lines = option == "encoding" and any(map(is_text_file, paths))
            if not lines and not any(option in self.options.only_for(kind).given() for kind in kinds):
                raise DataError(
                    f"data.{option} says nothing about this data, which has no file to take it; leave it out"
                )


@dataclass(frozen=True, slots=True)
class OwnSource:
    """Source that an object of the user's reads: data.source."""

    reader: Any
    revision: str | None = None

    def read(
        self,
        *,
        text_column: str | None,
        label_column: str | None,
        aspect_column: str | None = None,
        form: LabelForm = ONE,
    ) -> dict[str, Labelled]:
        """Read the splits by name.

        Rows are (text, label), or (text, aspect, label) for a model that reads aspects.

        Raises:
            DataError: The reader returned no splits, or rows of another form.
        """
        name = f"data.source={type(self.reader).__name__}"
        splits = self.reader.read()
        if not isinstance(splits, Mapping) or not splits:
            raise DataError(f"{name}: read() must return rows by split, {{'train': rows}}, got {type(splits).__name__}")
        if unknown := [split for split in splits if split not in SPLITS]:
            raise DataError(f"{name}: read() returned the split {unknown[0]!r}; there are {', '.join(SPLITS)}")
        return {split: self._rows(splits[split], f"{name}, {split}", form) for split in SPLITS if split in splits}

    def _rows(self, rows: Iterable[Any], source: str, form: LabelForm) -> Labelled:
        found, size = list[tuple[Any, ...]](), None
        for number, row in enumerate(rows, 1):
            if isinstance(row, str) or not isinstance(row, Sequence) or len(row) not in (size or 2, size or 3):
                got = type(row).__name__ + (f" of {len(row)}" if isinstance(row, Sequence) else "")
                wanted = "a text, its aspect and its label" if size == 3 else "a text and its label"
                raise DataError(f"{source}, row {number}: expected {wanted}, got {got}")
            size = len(row)
            found.append((row[0], row[-1], *row[1:-1]))
        if not found:
            raise DataError(f"{source}: no rows; add some, or leave the split out")
        return labelled(found, columns=("text", "label", "aspect")[:size], source=source, form=form)


def own_source(reader: Any, others: Mapping[str, Any], options: TableOptions) -> OwnSource:
    """Return the source that `reader` is.

    Raises:
        ConfigError: It has no `read`, or another key of the group `data` names data that it would not read.
    """
    if not callable(getattr(reader, "read", None)):
        raise ConfigError(f"data.source={type(reader).__name__}: it has no read(); give a class that has")
    given = [*(key for key, value in others.items() if value is not None), *options.given()]
    if given:
        raise ConfigError(f"data.{given[0]} says nothing where data.source reads the data; leave one of the two out")
    return OwnSource(reader)


def read_file(path: Path, columns: Columns, options: TableOptions) -> Labelled:
    """Read a table, a TweetEval text file, or a folder of texts."""
    if is_tree(path) or (is_text_file(path) and path.is_file()):
        refuse_aspects(columns, str(path))
    if is_tree(path):
        return read_tree(path)
    if is_text_file(path) and path.is_file():
        return read_pair(path, encoding=options.encoding)
    return read_table(opened(path, options), columns)


def opened(path: Path, options: TableOptions) -> Table:
    table = open_table(path, options.only_for(format_of(path).kind) if path.is_file() else options)
    announce([table])
    return table


def read_table(table: Table, columns: Columns) -> Labelled:
    """Read the text, label and aspect column of a table; the other columns are not validated."""
    own = columns.of(table.columns, table.name)
    cells = (columns.cells(row, own) for row in table.rows(columns.read(own)))
    names = None if columns.form.columns else table.class_names(own[1])
    rows = labelled(cells, columns=own, source=table.name, names=names, form=columns.form)
    if rows.decimals:
        log.info("%s: labels that are numbers with a decimal point, such as 1.0, are read as 1", table.name)
    return rows


def is_unlabelled(path: Path, columns: Columns, options: TableOptions) -> bool:
    """Return True if a file has no labels at all."""
    if is_tree(path):
        return False
    if is_text_file(path):
        return not any(read_pair(path, encoding=options.encoding).labels)
    names = open_table(path, options.only_for(format_of(path).kind)).columns
    if columns.form.columns:
        return not set(columns.form.columns) & set(names)
    return columns.label not in names if columns.label else usual_label(names) is None


def read_hub(name: str, config: str | None, revision: str | None, columns: Columns) -> dict[str, Labelled]:
    """Read all splits of a hub dataset, or of its cached copy; `name` may also be a local folder.

    Raises:
        DataError: The dataset cannot be loaded.
    """
    try:
        splits: Mapping[str, Dataset] = dict(datasets.load_dataset(name, config, revision=revision))
    except Exception as error:  # the hub client raises many types: offline, unknown id, gated, broken files
        reason = str(error).splitlines()[0]
        raise DataError(f"cannot load {name!r} from the hub: {reason}; or point data.dir to local files") from error
    return {split: read_dataset(rows, f"the {split} split", columns) for split, rows in splits.items()}


def read_dataset(rows: Dataset, source: str, columns: Columns) -> Labelled:
    own = columns.of(rows.column_names, source)
    read = columns.read(own)
    names = None
    if not columns.form.columns:
        feature = rows.features[own[1]]
        feature = getattr(feature, "feature", feature)  # of a list of labels
        names = feature.names if isinstance(feature, ClassLabel) else None
    table = zip(*(rows[name][:] for name in read), strict=True)
    cells = (columns.cells(dict(zip(read, row, strict=True)), own) for row in table)
    return labelled(cells, columns=own, source=source, names=names, form=columns.form)


def refuse_aspects(columns: Columns, source: str) -> None:
    if columns.aspect is not None:
        raise DataError(
            f"{source} has no columns, so no data.aspect_column={columns.aspect}; give a table, or leave it"
        )
