"""True labels: how far off the shares of labels were, in each group and period."""

from functools import partial

import pyarrow.parquet as pq
import pytest

from sentiment.cli import main
from sentiment.errors import DataError
from sentiment.monitoring.answers import targets_of
from tests.conftest import read_csv, read_json, write_csv
from tests.monitoring.predictions import day

SCALE = ("text", "created", "target", "truth", "prediction", "p_-1", "p_0", "p_1")


def on_a_scale(truths):
    """Rows of two targets and days, all predicted as -1; a truth of None is not known."""
    rows = [(day(i // 4 % 2), "ab"[i // 8], truth) for i, truth in enumerate(truths)]
    return [(f"text {i}", when, target, truth, "-1", 0.8, 0.1, 0.1) for i, (when, target, truth) in enumerate(rows)]


def test_true_labels_say_how_far_off_the_shares_were(tmp_path, capsys):
    truths = [-1, -1, -1, 0, -1, -1, 0, None] + [1] * 8
    table = write_csv(tmp_path / "p.csv", on_a_scale(truths), header=SCALE)
    command = [f"input={table}", "time=created", "by=target", "true_column=truth", "quiet=true"]
    main(["monitor", *command, f"output={tmp_path}/out", "tables=[csv,parquet]"])
    rows = {(row["group"], row["period"]): row for row in read_csv(tmp_path / "out" / "errors.csv")}
    assert list(rows) == [(group, period) for group in "ab" for period in ("all", "2026-01-05", "2026-01-06")]
    whole = rows["a", "all"]
    assert (whole["texts"], rows["a", "2026-01-06"]["texts"]) == ("7", "3")
    assert float(whole["counted_absolute_error"]) == pytest.approx(2 * 2 / 7 / 3, abs=1e-6)
    assert float(whole["counted_earth_movers_distance"]) == pytest.approx(2 / 7, abs=1e-6)
    assert float(rows["b", "all"]["earth_movers_distance"]) == pytest.approx(9 / 11 * 2 + 1 / 11, abs=1e-6)  # smoothed
    found = read_json(tmp_path / "out" / "changes.json")["accuracy"]
    assert (found["groups"]["sets"], found["groups_and_periods"]["sets"]) == (2, 4)
    assert found["groups"]["counted_earth_movers_distance"] == pytest.approx((2 / 7 + 2) / 2, abs=1e-6)
    assert pq.read_table(tmp_path / "out" / "errors.parquet").num_rows == 6
    said = "Where the true labels are known (15 texts, 4 groups and periods), a share is off by"
    assert said in capsys.readouterr().err
    page = (tmp_path / "out" / "monitor.html").read_text(encoding="utf-8").replace("&#39;", "'")
    assert said in page
    assert "earth mover's distance</th>" in page
    again = [word for word in command if not word.startswith("true_column")]
    main(["monitor", *again, f"output={tmp_path}/out"])  # leaves no table of the job before
    assert (tmp_path / "out" / "shares.csv").exists()
    assert not list((tmp_path / "out").glob("errors.*"))
    assert not (tmp_path / "out" / "shares.parquet").exists()


def test_true_labels_of_texts_that_are_scored_are_kept(tiny_run, tmp_path):
    rows = [
        (f"{word} film {i}", label) for word, label in (("good", "positive"), ("bad", "negative")) for i in range(9)
    ]
    table = write_csv(tmp_path / "texts.csv", rows, header=("text", "label"))
    main(["monitor", f"run={tiny_run}", f"input={table}", "true_column=label", f"output={tmp_path}/out", "quiet=true"])
    [row] = read_csv(tmp_path / "out" / "errors.csv")
    assert (row["texts"], float(row["counted_absolute_error"])) == ("18", 0)
    assert "earth_movers_distance" not in row


def test_no_true_label_at_all_is_said(tmp_path):
    table = write_csv(tmp_path / "p.csv", on_a_scale([None] * 16), header=SCALE)
    main(["monitor", f"input={table}", "true_column=truth", f"output={tmp_path}/out", "quiet=true"])
    assert "No row has a true label in 'truth'." in read_json(tmp_path / "out" / "changes.json")["notes"]
    assert not (tmp_path / "out" / "errors.csv").exists()


def test_true_labels_of_numbers_are_read_and_others_than_the_models_refused():
    read = partial(targets_of, column="truth", labels=["-1", "0"], several=False)
    assert read([-1.0, "0", None, ""]).tolist() == [0, 1, -1, -1]
    assert read(["-1.0", "0.00", -1]).tolist() == [0, 1, 0]
    assert targets_of([1, "2.0|1"], "truth", ["1.0", "2.0"], several=True).tolist() == [[1, 0], [1, 1]]
    with pytest.raises(DataError, match="true_column=truth: 'Acme' is no label of the model, which knows -1, 0"):
        read(["Acme"])
