"""The LightningDataModule: labelled texts from their source to batches."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pytorch_lightning as pl
from annotated_types import Ge, Gt, Le, Lt
from datasets import Dataset
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from sentiment.backbones import check_length, load_tokenizer, positions
from sentiment.data.batches import Collate, TaughtRows
from sentiment.data.corrections import with_corrections
from sentiment.data.duplicates import Dropped, Match, without_copies
from sentiment.data.label_form import LabelForm
from sentiment.data.label_sets import label_mapping, label_names, rename_labels, unify_labels, warn_of
from sentiment.data.labelled import FileRows, have_aspects, several
from sentiment.data.labels import label_texts
from sentiment.data.loaders import Loaders
from sentiment.data.new_tokens import Wanted, check_capitals, extend
from sentiment.data.quality import DataReport, inspect
from sentiment.data.readers import Columns
from sentiment.data.sources import OwnSource, Source, own_source
from sentiment.data.splits import Split, check_rows, rows_named
from sentiment.data.tables import Quoting, TableOptions
from sentiment.data.tokenized import tokenize_split
from sentiment.data.tokenizer_audit import audit
from sentiment.data.unlabelled import as_paths, read_unlabelled
from sentiment.errors import ConfigError
from sentiment.inference.pairs import Text
from sentiment.inference.preprocessing import Cleaning, Preprocessing, Truncation
from sentiment.inference.word_pieces import remove_limits

log = logging.getLogger(__name__)


class SentimentData(pl.LightningDataModule):
    """Labelled texts, tokenized for one backbone.

    Batches are dicts of input_ids and attention_mask `(B, T)`, with aspects token_type_ids too, and labels `(B,)`.
    `batch_size` is the global batch size:
    with several processes, each gets its slice of the rows.

    Attributes:
        splits: Raw texts and label names by split (train, validation, optionally test); filled by `setup`.
        labels: The label set in the order of the model's outputs; filled by `read`.
        order: Puts the labels of the train split in the order of the outputs; the task's.
        packed: Batches are packed (`sentiment.inference.packing`); set by a model that reads them on a GPU.
        pinned: Batches are in pinned memory, whose copy to a GPU the host does not wait for; set by the model.
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
        super().__init__()
        self.backbone, self.backbone_revision, self.new_tokens = backbone, backbone_revision, new_tokens
        self.cache_dir = Path(cache_dir)
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
        self.label_form: LabelForm = LabelForm.of(multi_label, label_separator, label_columns, label_column)
        self.wanted_labels = None if labels is None else label_texts(labels, "data.labels")
        self.preprocessing = Preprocessing(
            max_length,
            truncation,
            cleaning or Cleaning(),
            window_step=window_step,
            max_windows=max_windows,
            aspects=aspect_column is not None,
            default_aspect=self.default_aspect if aspect_column is not None else "",
        )
        self.batch_size = batch_size
        self.validation_fraction = validation_fraction
        self.skip_bad_rows = skip_bad_rows
        self.dedupe, self.drop_leaks = dedupe, drop_leaks
        self.split_seed, self.seed = split_seed, seed
        self.options, self.unlabelled = options, as_paths(unlabelled)
        self.soft_targets: NDArray[np.float32] | None = None  # set by `teach`
        self.splits: dict[str, Split] = {}
        self.labels: list[str] = []
        self.order: Callable[[Iterable[str]], list[str]] = sorted
        self.dropped: dict[str, Dropped] = {}  # by split
        self.file_rows: dict[str, tuple[FileRows, ...]] = {}
        self._tokenized: dict[str, Dataset] = {}
        self.packed = self.pinned = False
        self._unlabelled: tuple[Split, Dataset] | None = None

    @property
    def tokenizer(self) -> Any:
        if not hasattr(self, "_tokenizer"):
            self._tokenizer = load_tokenizer(self.backbone, self.backbone_revision)
            extend(self._tokenizer, self.new_tokens)
            remove_limits(self._tokenizer.backend_tokenizer)  # truncation and padding state would change the cache key
        return self._tokenizer

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
        self.labels = label_names(splits, wanted, self.order)
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
        limits = positions(self.backbone, self.backbone_revision), self.tokenizer.model_max_length
        for limit in limits:  # before any data is read
            check_length(self.backbone, self.preprocessing.max_length, limit)
        check_capitals(self.preprocessing.cleaning, self.tokenizer, self.new_tokens)
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

    def train_ids(self) -> Iterator[list[int]]:
        """Yield the token ids of each training text, special ones included."""
        yield from self._tokenized["train"]["input_ids"]

    def train_dataloader(self) -> DataLoader[Any]:
        rows = self._tokenized["train"]
        if self.soft_targets is None:
            return self._loaders().train(rows)
        parts = [rows, self._unlabelled[1]] if self._unlabelled else [rows]
        return self._loaders(taught=len(self.labels)).train(TaughtRows(parts, self.soft_targets))

    def val_dataloader(self) -> DataLoader[Any]:
        """Return batches of rows of similar length, the same at each validation, so that epochs compare row by row."""
        return self._loaders().validation(self._tokenized["validation"])

    def _loaders(self, taught: int = 0) -> Loaders:
        count = len(self.labels) if self.label_form.multi else None
        kind: Any = {"pairs": self.preprocessing.aspects, "packed": self.packed, "several": count, "taught": taught}
        collate = Collate(self.tokenizer.pad_token_id, **kind)
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return Loaders(collate, self.batch_size, self.seed, rank, world, self.pinned)

    def _tokenize(self, name: str, split: Split) -> Dataset:
        return tokenize_split(
            name, split, self.labels, self.tokenizer.backend_tokenizer, self.preprocessing, self.cache_dir
        )
