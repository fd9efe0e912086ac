"""Reading of labelled splits from a hub dataset, local files, a folder or an archive."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentiment.backbones import check_revision
from sentiment.data.folders import SPLITS, find_splits
from sentiment.data.label_form import LabelForm
from sentiment.data.labelled import Labelled, labelled
from sentiment.data.readers import Columns, is_unlabelled, read_file, read_hub, refuse_aspects
from sentiment.data.tables import TableOptions, format_of, is_table
from sentiment.data.text_folders import is_archive, read_archive
from sentiment.data.tweeteval import is_text_file
from sentiment.data.unlabelled import as_paths
from sentiment.errors import ConfigError, DataError
from sentiment.remote import local_copy, same_file

log = logging.getLogger(__name__)

Files = Path | Sequence[Path] | None


@dataclass(frozen=True, slots=True)
class Source:
    """Origin of the splits; named files take precedence over `dir`, and `dir` over `hub`."""

    hub: str | None = None  # a dataset id, e.g. "stanfordnlp/imdb"
    hub_config: str | None = None
    dir: Path | None = None  # folder or tar archive with the splits, or a single file to split
    train: Files = None
    validation: Files = None
    test: Files = None
    options: TableOptions = field(default_factory=TableOptions)
    revision: str | None = None  # commit, branch or tag of the hub dataset

    def read(self, columns: Columns) -> dict[str, Labelled]:
        """Read the splits by name.

        An unlabelled test split found in a folder is left out, because its labels may be withheld. A file named by the
        user must have labels.

        Raises:
            DataError: No data is named, a file cannot be read, or an option applies to no file.
        """
        check_revision("data.revision", self.revision, None if self.dir or self.train else self.hub)
        files = {name: paths for name in SPLITS if (paths := as_paths(getattr(self, name) or None))}
        inside: dict[str, list[Path]] = {}
        splits: dict[str, Labelled] = {}
        folder = local_copy(self.dir) if self.dir else None
        if folder and is_archive(folder):
            refuse_aspects(columns, f"data.dir={self.dir}")
            splits = read_archive(folder, SPLITS)
        elif folder:
            inside = {name: paths for name, paths in find_splits(folder).items() if name not in files}
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
                splits[name] = self._files(name, paths, columns, needs_labels=name != "test")
        return {name: splits[name] for name in SPLITS if name in splits} | splits

    def _files(self, name: str, paths: Sequence[Path], columns: Columns, *, needs_labels: bool = True) -> Labelled:
        for i, path in enumerate(paths):
            if any(same_file(path, other) for other in paths[:i]):
                raise DataError(f"data.{name} names {path} twice, and its rows would count double; name it once")
        rows = Labelled.joined(read_file(path, columns, self.options) for path in paths)
        if not rows:
            raise DataError(f"the {name} split, {', '.join(map(str, paths))}, has no rows; add some, or leave it out")
        if needs_labels and all(label is None for label in rows.labels):
            raise DataError(
                f"no row of the {name} split, {', '.join(map(str, paths))}, has a label; fill the column, or name "
                "another with data.label_column"
            )
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

    def read(self, columns: Columns) -> dict[str, Labelled]:
        """Read the splits by name.

        Rows are (text, label), or (text, aspect, label) for a model that reads aspects; of `columns`, only the form of
        the labels is used.

        Raises:
            DataError: The reader returned no splits, or rows of another form.
        """
        name = f"data.source={type(self.reader).__name__}"
        splits = self.reader.read()
        if not isinstance(splits, Mapping) or not splits:
            raise DataError(f"{name}: read() must return rows by split, {{'train': rows}}, got {type(splits).__name__}")
        if unknown := [split for split in splits if split not in SPLITS]:
            raise DataError(f"{name}: read() returned the split {unknown[0]!r}; there are {', '.join(SPLITS)}")
        return {
            split: self._rows(splits[split], f"{name}, {split}", columns.form) for split in SPLITS if split in splits
        }

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
