"""A history that new rows are added to."""

import pyarrow.parquet as pq
import pytest

from sentiment.cli import main
from sentiment.files import read_json
from sentiment.monitoring.command import monitor
from tests.batch.echo import Echo
from tests.conftest import read_csv, write_csv
from tests.monitoring.predictions import HEADER, day, moved, predicted


@pytest.fixture
def history(tmp_path):
    return tmp_path / "history"


def test_only_new_rows_are_scored_and_added(tiny_run, tmp_path, history, capsys):
    said = []

    def run(name, days):
        rows = [(day(n), f"{'good' if i % 2 else 'bad'} film {i}") for n in days for i in range(20)]
        table = write_csv(tmp_path / name, rows, header=("created", "text"))
        main(
            ["monitor", f"run={tiny_run}", f"input={table}", f"output={tmp_path}/out", "time=created"]
            + [f"history={history}", "quiet=true"]
        )
        said.append(capsys.readouterr().err)
        return {row["period"]: row["texts"] for row in read_csv(tmp_path / "out" / "shares.csv")}

    assert run("first.csv", [0, 1]) == {"2026-01-05": "20", "2026-01-06": "20"}
    assert "40 rows to" in said[-1]
    assert run("second.csv", [1, 2]) == {"2026-01-05": "20", "2026-01-06": "20", "2026-01-07": "20"}
    assert "20 of 40 rows are new" in said[-1]
    assert "20 rows to" in said[-1]
    assert len(run("second.csv", [1, 2])) == 3
    assert "0 of 40 rows are new" in said[-1]
    assert "rows to" not in said[-1]
    assert sorted(path.name for path in history.glob("day=*")) == [f"day=2026-01-0{n}" for n in (5, 6, 7)]


def test_a_history_takes_predicted_rows_and_refuses_other_labels(tmp_path, history, capsys):
    table = write_csv(tmp_path / "p.csv", predicted(moved, days=2), header=HEADER)
    command = ["monitor", f"input={table}", f"output={tmp_path}/out", "time=created", "by=brand", f"history={history}"]
    main([*command, "quiet=true"])
    main([*command, "quiet=true"])
    assert {row["texts"] for row in read_csv(tmp_path / "out" / "shares.csv")} == {"120"}
    other = write_csv(
        tmp_path / "o.csv", [("t", day(0), "b", 0.4, 0.6)], header=("text", "created", "prediction", "p_a", "p_b")
    )
    with pytest.raises(SystemExit):
        main(["monitor", f"input={other}", f"output={tmp_path}/out", "time=created", f"history={history}"])
    assert "was made with labels=[negative,positive], now it is [a,b]" in capsys.readouterr().err


def test_a_history_keeps_why_texts_cannot_be_read_and_one_of_before_is_gone_on_with(tmp_path, history):
    """Parts of earlier versions have no such column; theirs is unknown."""

    def note(days):
        rows = [
            (day(n), f"text {n} {i}", "negative", *((0.5, 0.5, why) if why else (0.9, 0.1, "")))
            for n in days
            for i, why in enumerate(["", "", "language", "nothing"])
        ]
        table = write_csv(tmp_path / "p.csv", rows, ("created", "text", *HEADER[4:5], *HEADER[6:], "unreadable_reason"))
        monitor(input=table, output=tmp_path / "out", engine=Echo, time="created", history=history, quiet=True)
        notes = read_json(tmp_path / "out" / "changes.json")["notes"]
        return next(line for line in notes if "cannot read" in line)

    assert "2 texts with the same probability" in note([0])
    assert "(1 in another language, 1 without words)" in note([0])
    for part in history.rglob("*.parquet"):
        pq.write_table(pq.read_table(part).drop_columns(["unreadable_reason"]), part)
    assert "2 texts with the same probability for each label, as those have that the model cannot read:" in note([0])
    assert "(1 in another language, 1 without words, 2 for a reason that is not recorded)" in note([0, 1])
