"""Keys and rows that the monitor cannot use: refused in one line, or counted and said."""

import json

import pytest

from sentiment.cli import main
from tests.conftest import read_csv, write_csv
from tests.monitoring.predictions import day


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["true_column=truth"], "true_column=truth: {table} has no such column, only id, created"),
        (["true_column=brand", "history=h", "time=created"], "true_column: a history keeps no labels"),
        (["time=when"], "time=when: {table} has no such column, only id, created, brand, text"),
        (["by=airline"], "by=airline: {table} has no such column"),
        (["time=brand"], "time=brand: 'Acme' is not a date in ISO form; set time_format"),
        (["time=created", "every=1y"], "every=1y: expected a number of minutes, hours, days, weeks or months"),
        (["history="], "history=: expected the path of a file or folder, got nothing"),
        (["history=h"], "history needs the column of times; set time=COLUMN"),
        (["time_format=%d"], "time_format needs the column of times; set time=COLUMN"),
        (["prefix=model_"], "run is named"),
        (["run=nowhere"], "run=nowhere: no such folder"),
        (["label_column=x"], "label_column names a column of labelled=FILE, which is not given"),
        (["estimator=em"], "estimator=em needs labelled texts"),
        (["estimator=emm"], "estimator"),
        (["fail_on=[changes]"], "fail_on"),
        (["tables=[xls]"], "tables"),
        (["window=0"], "window"),
        (["window=3"], "window=3 needs the column of times; set time=COLUMN, or leave it out"),
        (["every=1w"], "every=1w needs the column of times"),
        (["time_zone=Asia/Tokyo"], "time_zone=Asia/Tokyo needs the column of times"),
        (["fail_on=[change]"], "fail_on=[change] needs the column of times"),
        (
            ["engine.threshold=0.2"],
            "engine.threshold does nothing: the input has predictions, so that no text is scored",
        ),
        (["engine=rest", "engine.timeout=5"], "engine.timeout does nothing: the input has predictions"),
        (["aspect_column=brand"], "aspect_column does nothing: the input has predictions"),
    ],
)
def test_a_mistake_is_answered_by_one_line(table, tmp_path, capsys, overrides, message):
    with pytest.raises(SystemExit) as stopped:
        main(["monitor", f"input={table}", f"output={tmp_path}/out", "quiet=true", *overrides])
    said = capsys.readouterr().err.strip()
    assert stopped.value.code == 2
    assert message.format(table=table) in said
    assert len(said.splitlines()) == 1


def test_a_drift_that_cannot_be_measured_is_no_alarm_that_never_rings(table, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["monitor", f"input={table}", f"output={tmp_path}/out", "quiet=true", "fail_on=[drift]"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: fail_on=[drift] can do nothing: Drift is not measured: the model's export")
    assert said.endswith("Give run=RUN, or leave it out")


@pytest.mark.parametrize("engine", ["local", "rest", "ray"])
def test_the_defaults_of_an_engine_are_no_keys_that_were_set(table, tmp_path, engine):
    main(["monitor", f"input={table}", f"output={tmp_path}/out", "quiet=true", f"engine={engine}"])
    assert (tmp_path / "out" / "monitor.html").is_file()


def test_rows_that_cannot_be_counted_are_said(tmp_path, capsys):
    rows = [("a", day(0), "b", 0.2, 0.8), ("b", "yesterday", "b", 0.2, 0.8), ("c", day(0), "", "", "")]
    rows += [("最高でした", day(0), "", 0.5, 0.5), ("とても良い", day(0), "", 0.5, 0.5)]
    header = ("text", "created", "prediction", "p_a", "p_b")
    whys = ["", "", "", "script", "language"]
    with_reasons = [(*row, why) for row, why in zip(rows, whys, strict=True)]
    table = write_csv(tmp_path / "p.csv", with_reasons, header=(*header, "unreadable_reason"))
    main(["monitor", f"input={table}", f"output={tmp_path}/out", "time=created", "quiet=true"])
    notes = " ".join(json.loads((tmp_path / "out" / "changes.json").read_text())["notes"])
    said = capsys.readouterr().err
    for told in (
        "1 row without a prediction, not counted.",
        "1 row without a time in 'created', such as 'yesterday', not counted.",
        "2 texts with the same probability for each label, as those have that the model cannot read (1 in another "
        "script or unknown signs, 1 in another language): counted under none.",
    ):
        assert told in notes
        assert told in said
    assert [row["counted"] for row in read_csv(tmp_path / "out" / "shares.csv")] == ["0.0", "1.0"]
    write_csv(table, [("c", day(0), "", "", "")], header=header)
    with pytest.raises(SystemExit):
        main(["monitor", f"input={table}", f"output={tmp_path}/out", "time=created", "quiet=true"])
    assert "no row can be counted: of 1, 1 have no prediction" in capsys.readouterr().err
    write_csv(table, [("c", day(0), "x", "0.2", "0.3")], header=header)
    with pytest.raises(SystemExit):
        main(["monitor", f"input={table}", f"output={tmp_path}/out", "time=created", "quiet=true"])
    assert "do not add up to 1" in capsys.readouterr().err
