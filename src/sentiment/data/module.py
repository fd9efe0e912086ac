"""The LightningDataModule of labelled texts: read from their source, cleaned and tokenized."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le, Lt
from datasets import Dataset
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from sentiment.data.batches import TaughtRows
from sentiment.data.corrections import with_corrections
from sentiment.data.duplicates import Dropped, Match, without_copies
from sentiment.data.label_form import LabelForm
from sentiment.data.label_sets import in_order_of, label_mapping, label_names, rename_labels, unify_labels, warn_of
from sentiment.data.label_values import plain_name
from sentiment.data.labelled import FileRows, have_aspects, several
from sentiment.data.labels import label_texts
from sentiment.data.new_tokens import Wanted
from sentiment.data.quality import DataReport, inspect
from sentiment.data.readers import Columns
from sentiment.data.sources import OwnSource, Source, own_source
from sentiment.data.splits import Split, check_rows, rows_named
from sentiment.data.tables import Quoting, TableOptions
from sentiment.data.tokenized_data import TokenizedData
from sentiment.data.tokenizer_audit import audit
from sentiment.data.unlabelled import as_paths, read_unlabelled
from sentiment.errors import ConfigError
from sentiment.inference.pairs import Text
from sentiment.inference.preprocessing import Cleaning, Preprocessing, Truncation
from sentiment.inference.types import list_labels

log = logging.getLogger(__name__)


class SentimentData(TokenizedData):
    """Labelled texts, from their source to batches.

    Attributes:
        order: Puts the labels of the train split in the order of the outputs; the task's.
        dropped: Numbers of rows that dedupe and drop_leaks removed, by split.
        file_rows: The files that each split was read from, with their rows.
        report: Data quality report; available after `setup`.
    """

    def __init__(
        self,
        *,
        backbone: str,
        cache_dir: Path,
        source: Any | None = None,
        backbone_revision: str | None = None,
        new_tokens: Wanted = None,
        hub: str | None = None,
        hub_config: str | None = None,
        revision: str | None = None,
        dir: Path | None = None,
        train: Path | Sequence[Path] | None = None,
        validation: Path | Sequence[Path] | None = None,
        test: Path | Sequence[Path] | None = None,
        text_column: str | None = None,
        label_column: str | None = None,
        aspect_column: str | None = None,
        default_aspect: str | None = None,
        multi_label: bool = False,
        label_separator: str | None = None,
        label_columns: Sequence[str] | None = None,
        separator: str | None = None,
        encoding: str | None = None,
        quoting: Quoting | None = None,
        columns: Sequence[str] | None = None,
        label_map: Mapping[str | int | float | bool, str | int | float | bool] | None = None,
        labels: Sequence[str | int | float | bool] | None = None,
        cleaning: Cleaning | None = None,
        dedupe: Match = "none",
        drop_leaks: Match = "none",
        max_length: Annotated[int, Ge(8)] = 128,
        truncation: Truncation = "head",
        window_step: Annotated[int, Ge(0)] = 0,
        max_windows: Annotated[int, Gt(0), Le(64)] = 8,
        batch_size: Annotated[int, Gt(0)] = 32,
        validation_fraction: Annotated[float, Gt(0), Lt(1)] = 0.1,
        skip_bad_rows: bool = False,
        unlabelled: Path | Sequence[Path] | None = None,
        split_seed: int = 42,
        seed: int = 42,
    ) -> None:
        preprocessing = Preprocessing(
            max_length,
            truncation,
            cleaning or Cleaning(),
            window_step=window_step,
            max_windows=max_windows,
            aspects=aspect_column is not None,
            default_aspect=(default_aspect or "") if aspect_column is not None else "",
        )
        super().__init__(backbone, backbone_revision, new_tokens, Path(cache_dir), preprocessing, batch_size, seed)
        options = TableOptions.of("data.", separator, encoding, quoting, columns)
        files: dict[str, Any] = {"hub": hub, "hub_config": hub_config, "revision": revision, "dir": dir}
        files |= {"train": train, "validation": validation, "test": test}
        named = {"text_column": text_column, "label_column": label_column, "aspect_column": aspect_column}
        self.source: Source | OwnSource = (
            Source(**files, options=options) if source is None else own_source(source, files | named, options)
        )
        self.label_map = label_mapping(label_map)
        self.text_column, self.label_column, self.aspect_column = text_column, label_column, aspect_column
        if default_aspect and source is None and aspect_column is None:
            raise ConfigError(f"data.default_aspect={default_aspect} does nothing without data.aspect_column; set both")
        self.default_aspect = default_aspect or ""
        self.label_form = LabelForm.of(multi_label, label_separator, label_columns, label_column)
        self.wanted_labels = None if labels is None else label_texts(labels, "data.labels")
        self.validation_fraction = validation_fraction
        self.skip_bad_rows = skip_bad_rows
        self.dedupe, self.drop_leaks = dedupe, drop_leaks
        self.split_seed = split_seed
        self.options, self.unlabelled = options, as_paths(unlabelled)
        self.soft_targets: NDArray[np.float32] | None = None  # set by `teach`
        self.order: Callable[[Iterable[str]], list[str]] = sorted
        self.dropped: dict[str, Dropped] = {}  # by split
        self.file_rows: dict[str, tuple[FileRows, ...]] = {}
        self._unlabelled: tuple[Split, Dataset] | None = None

    @property
    def several(self) -> bool:
        return self.label_form.multi

    def read(self, labels: Sequence[str] | None = None) -> dict[str, Split]:
        """Read, validate and deduplicate the splits without tokenizing them; with `labels` given, train may be missing.

        Raises:
            ConfigError: A data option is invalid.
            DataError: The data cannot be read, or has unusable rows or unknown labels.
        """
        raw = self.source.read(Columns(self.text_column, self.label_column, self.aspect_column, self.label_form))
        raw = {name: several(rows) for name, rows in raw.items()} if self.label_form.multi else raw
        wanted = labels or self.wanted_labels
        raw = {
            name: with_corrections(name, rows, labels=wanted)
            for name, rows in rename_labels(raw, self.label_map).items()
        }
        self.file_rows = {name: rows.files for name, rows in raw.items()}
        aspects = have_aspects(raw, self.default_aspect)
        default = self.default_aspect if aspects else ""
        self.preprocessing = replace(self.preprocessing, aspects=aspects, default_aspect=default)
        splits = {
            name: check_rows(name, rows, skip_bad_rows=self.skip_bad_rows, default_aspect=self.default_aspect)
            for name, rows in raw.items()
        }
        splits = {name: split for name, split in splits.items() if len(split)}
        columns = [plain_name(self.label_map.get(name, name)) for name in self.label_form.columns]
        self.labels = label_names(splits, wanted, partial(in_order_of, columns) if columns else self.order)
        if not wanted and (lacking := sorted(set(columns) - set(self.labels))):
            log.warning("no train row has the label %s, so the model will not have it", list_labels(lacking))
        splits = unify_labels(splits, self.labels, given=wanted is not None)
        warn_of(splits, self.labels)
        with rows_named(splits, self.preprocessing.cleaning):
            kept, self.dropped = without_copies(
                splits,
                self.preprocessing.cleaning,
                dedupe=self.dedupe,
                drop_leaks=self.drop_leaks,
                validation_fraction=self.validation_fraction,
                seed=self.split_seed,
            )
        return kept

    def prepare_data(self) -> None:
        self.setup()  # one process fills the cache, the others read it

    def setup(self, stage: str | None = None) -> None:
        if self.splits:
            return
        self.check_backbone()  # before any data is read
        splits = self.read()
        if self.unlabelled and self.preprocessing.aspects:
            raise ConfigError("data.unlabelled has texts without an aspect, and those of train have one; leave it out")
        self._tokenized = {name: self._tokenize(name, split) for name, split in splits.items()}
        self.splits = splits
        if self.unlabelled:
            extra = Split(*read_unlabelled(self.unlabelled, self.text_column, self.options))
            self._unlabelled = extra, self._tokenize("unlabelled", extra)

    @property
    def taught_texts(self) -> list[Text]:
        """The texts that a teacher answers, in the order of `teach`: those of train, then the unlabelled ones."""
        return [*self.splits["train"].inputs, *(self._unlabelled[0].texts if self._unlabelled else ())]

    def teach(self, soft_targets: NDArray[np.float32]) -> None:
        """Add a teacher's answers to the training rows, and the unlabelled texts as rows that have nothing else."""
        self.soft_targets = soft_targets

    @cached_property
    def report(self) -> DataReport:
        """Data quality report, available after `setup`; its warnings are logged on first access."""
        lengths = {name: rows["tokens"][:] for name, rows in self._tokenized.items()}
        with rows_named(self.splits, self.preprocessing.cleaning):
            report = inspect(
                self.splits,
                lengths,
                self.preprocessing,
                dropped=self.dropped,
                files=self.file_rows,
                dedupe=self.dedupe,
                drop_leaks=self.drop_leaks,
                tokenizer=audit(self.splits, self.tokenizer.backend_tokenizer, self.preprocessing.cleaning),
            )
        for line in report.warnings():
            log.warning(line)
        return report

    def train_dataloader(self) -> DataLoader[Any]:
        rows = self._tokenized["train"]
        if self.soft_targets is None:
            return self._loaders().train(rows)
        parts = [rows, self._unlabelled[1]] if self._unlabelled else [rows]
        return self._loaders(taught=len(self.labels)).train(TaughtRows(parts, self.soft_targets))
