"""The monitor on texts with aspects: scored with theirs, grouped by them, and equal texts of two aspects are two."""

import pytest

from sentiment.cli import main
from tests.conftest import read_csv, write_csv


def shares(folder):
    """The counted rows by group."""
    rows = read_csv(folder / "shares.csv")
    return {row["group"]: int(row["texts"]) for row in rows if row["group"]}


def test_raw_texts_are_scored_and_grouped_by_their_aspect(aspect_run, tmp_path):
    words = ["film", "meal", "phone", "trip"]
    rows = [
        (f"the {words[i // 2 % 4]} {i // 16}", "screen" if i % 2 else "battery", f"2026-01-0{1 + i % 4}T09:00:00")
        for i in range(64)
    ]
    source = write_csv(tmp_path / "in.csv", rows, ("text", "target", "created"))
    common = [f"run={aspect_run}", f"input={source}", "aspect_column=target", "by=target", "quiet=true"]
    main(["monitor", *common, f"output={tmp_path}/unique", "unique=true"])
    counted = shares(tmp_path / "unique")
    assert counted["screen"] == counted["battery"] == 16  # each text once for each aspect
    history = [f"history={tmp_path}/history", "time=created", "every=1m"]
    main(["monitor", *common, *history, f"output={tmp_path}/first"])
    main(["monitor", *common, *history, f"output={tmp_path}/second"])  # nothing is new
    for name in ("first", "second"):
        assert (
            shares(tmp_path / name)["screen"] == 32
        )  # as often as the input has them, and no more when it comes again
    for row in read_csv(tmp_path / "unique" / "shares.csv"):
        right = {"screen": "positive", "battery": "negative"}.get(row["group"])
        assert right is None or float(row["share"]) == pytest.approx(float(row["label"] == right), abs=0.15)


def test_labelled_texts_bring_their_aspects(aspect_run, aspect_corpus, tmp_path):
    rows = [(row["text"], row["target"], row["label"]) for row in read_csv(aspect_corpus / "train.csv")]
    labelled = write_csv(tmp_path / "labelled.csv", rows * 2, header=("text", "target", "label"))
    settings = [f"run={aspect_run}", f"input={aspect_corpus}/test.csv", f"labelled={labelled}"]
    main(["monitor", *settings, "aspect_column=target", "by=target", "quiet=true", f"output={tmp_path}/out"])
    assert shares(tmp_path / "out")["screen"] == 8
