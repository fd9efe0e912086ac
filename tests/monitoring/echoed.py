"""Rows that are monitored with a classifier that needs no model."""

from sentiment.monitoring.command import monitor
from tests.batch.echo import Echo
from tests.conftest import read_csv, read_json, write_csv


def run(tmp_path, rows, *, header=("text", "time", "brand"), name="in.csv", **settings):
    """Monitor rows and return the texts by period and group, and the notes."""
    table = write_csv(tmp_path / name, rows, header=header)
    settings = {"engine": Echo, "time": "time", "quiet": True, **settings}
    monitor(input=table, output=tmp_path / "out", **settings)
    texts = {(row["period"], row["group"]): int(row["texts"]) for row in read_csv(tmp_path / "out" / "shares.csv")}
    return texts, read_json(tmp_path / "out" / "changes.json")["notes"]


def days(*numbers, brand="a", count=12):
    return [(f"text {brand} {n} {i}", f"2026-01-{n:02}", brand) for n in numbers for i in range(count)]
