"""Discovery of the splits in a data folder by their conventional file names."""

import re
from collections.abc import Sequence
from pathlib import Path

from sentiment.data.tables import base_name, is_table
from sentiment.data.text_folders import is_tree
from sentiment.data.tweeteval import text_files
from sentiment.errors import DataError

SPLITS = {"train": ("train",), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
SHARD = re.compile(r"-\d{5}-of-\d{5}")  # shard suffix on the Hugging Face hub


def find_splits(folder: Path) -> dict[str, list[Path]]:
    """Find the files of each split in a folder; a single file is the train split.

    A split is a table, hub shards (train-00000-of-00002.parquet), a folder with a subfolder of texts per label, or
    TweetEval's train_text.txt.

    Raises:
        DataError: The folder does not exist, has no split, or has several candidates for one.
    """
    if folder.is_file():
        return {"train": [folder]}
    if not folder.is_dir():
        raise DataError(f"data.dir={folder}: no such file or folder")
    splits = {split: paths for split, stems in SPLITS.items() if (paths := find_split(folder, split, stems))}
    if not splits:
        raise DataError(
            f"{folder} has no train, validation or test file of .csv, .tsv, .jsonl, .json, .parquet or .xlsx, "
            "nor <split>/<label>/<name>.txt or <split>_text.txt"
        )
    return splits


def find_split(folder: Path, split: str, stems: Sequence[str]) -> list[Path]:
    """Find the files of one split; DataError if there are several candidates that are not shards of one table."""
    tables = sorted(path for path in folder.iterdir() if path.is_file() and is_table(path))
    paths = [path for stem in stems for path in tables if base_name(path).lower() == stem]
    shards = [path for stem in stems for path in tables if is_shard(path, stem)]
    paths += [path for stem in stems if is_tree(path := folder / stem)]
    paths += text_files(folder, stems)
    if len(paths) + bool(shards) > 1:
        names = ", ".join(path.name for path in [*paths, *shards[:1]])
        raise DataError(f"{folder} has several {split} files ({names}); name one with data.{split}=FILE")
    return paths or shards


def is_shard(path: Path, stem: str) -> bool:
    name = base_name(path).lower()
    return name.startswith(f"{stem}-") and SHARD.fullmatch(name.removeprefix(stem)) is not None
