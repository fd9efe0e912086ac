"""Data sets in the layouts of published ones: a few hundred sentences written for these tests, the same each time."""

import random
from pathlib import Path

import pyarrow
import pyarrow.parquet

from tests.conftest import write_csv

SUBJECTS = ("the soup", "our guide", "this lamp", "the second half", "my new bike", "the hotel lobby", "her speech")
SUBJECTS += ("the ferry", "that podcast", "the garden tour", "his old radio", "the morning class")
OPINIONS = {
    "positive": (
        "was a joy from start to end",
        "kept every promise",
        "won us over at once",
        "is worth every coin",
    ),
    "negative": ("fell apart within a week", "bored all of us", "cost far too much", "made the evening feel long"),
}
MOODS = {
    "anger": ("cut me off and laughed 😡", "was late again, furious #never"),
    "joy": ("made my whole day 😂", "danced with us all night #happy"),
    "optimism": ("will do better tomorrow", "taught us to keep going #hope"),
    "sadness": ("is gone, and I miss it 😢", "left without a word #lonely"),
}
TIMES = ("On Monday", "Last summer", "After the storm", "This time", "Back then", "At noon", "In the end", "Once more")


def sentences(opinions: dict[str, tuple[str, ...]], count: int) -> list[tuple[str, str]]:
    """Return distinct texts with their labels, in a shuffled order."""
    rows = [
        (f"{time}, {subject} {opinion}", label)
        for label, endings in opinions.items()
        for time in TIMES
        for subject in SUBJECTS
        for opinion in endings
    ]
    random.Random(0).shuffle(rows)
    return rows[:count]


def write_sst2(folder: Path) -> Path:
    """Three CSV files of 240, 40 and 80 rows: 3 texts of train are in it twice, 2 of them in test, 1 in validation."""
    rows = sentences(OPINIONS, 354)
    train, validation, test = rows[:237], rows[237:276], rows[276:]
    for split, content in {
        "train": [*train, *train[:3]],
        "validation": [*validation, train[10]],
        "test": [*test, *train[20:22]],
    }.items():
        write_csv(folder / f"{split}.csv", content)
    return folder


def write_imdb(folder: Path) -> Path:
    """Two Parquet files of 300 rows with ids and HTML, no validation split: 5 texts of train are in test."""
    rows = [(f"{text}.<br /><br />Who knew?", label) for text, label in sentences(OPINIONS, 595)]
    for split, content in {"train": rows[:300], "test": [*rows[300:], *rows[:5]]}.items():
        texts, labels = zip(*content, strict=True)
        ids = [f"{i}_{len(text)}" for i, text in enumerate(texts)]
        table = pyarrow.table({"id": ids, "text": list(texts), "label": list(labels)})
        pyarrow.parquet.write_table(table, folder / f"{split}.parquet")
    return folder


def write_emotion(folder: Path) -> Path:
    """Three CSV files of 200, 40 and 100 tweets with four labels."""
    rows = sentences(MOODS, 340)
    for split, content in {"train": rows[:200], "validation": rows[200:240], "test": rows[240:]}.items():
        write_csv(folder / f"{split}.csv", content)
    return folder
