"""The command on tables with and without predictions: its files and its messages."""

import json

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from sentiment.cli import main
from sentiment.errors import DataError
from sentiment.monitoring.rows import Columns, targets_of
from tests.conftest import read_csv, read_json, write_csv
from tests.monitoring.predictions import HEADER, day, moved, predicted


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rows = predicted(moved) + predicted(lambda _: 0.4, brand="=Other", seed=1)
    return write_csv(tmp_path_factory.mktemp("predicted") / "predicted.csv", rows, header=HEADER)


@pytest.fixture(scope="module")
def output(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("monitor") / "brands"
    main(
        [
            "monitor",
            f"input={table}",
            f"output={folder}",
            "time=created",
            "by=brand",
            "tables=[csv,parquet,xlsx]",
            "quiet=true",
        ]
    )
    return folder


def test_the_shares_are_the_same_in_every_table(output):
    rows = read_csv(output / "shares.csv")
    assert len(rows) == 3 * 12 * 2
    own = next(row for row in rows if (row["group"], row["period"], row["label"]) == ("Acme", "2026-01-15", "negative"))
    assert own["texts"] == "120"
    assert 0.6 < float(own["low"]) + 0.02 < float(own["share"]) < float(own["high"]) < 0.85
    assert float(own["counted"]) == pytest.approx(float(own["share"]), abs=0.01)
    columnar = pq.read_table(output / "shares.parquet").to_pylist()
    assert [row["share"] for row in columnar] == [float(row["share"]) for row in rows]
    sheet = load_workbook(output / "shares.xlsx").active
    assert [cell.value for cell in sheet[1]] == list(rows[0])
    assert {row["group"] for row in rows} == {"all", "Acme", "'=Other"}  # no spreadsheet runs it


def test_the_change_is_found_with_its_words_and_the_rest_is_noise(output):
    found = read_json(output / "changes.json")
    first = found["changes"][0]
    assert (first["group"], first["period"], first["rose"]) == ("Acme", "2026-01-15", "negative")
    assert first["labels"]["negative"]["difference"] > 0.4
    assert first["corrected_p_value"] < 0.001
    assert {"parcel", "late"} & {word for one in first["words"] for word in one["word"].split()}
    assert all("@user1" not in text and "parcel" in text for text in first["texts_for_it"])
    assert not [one for one in found["changes"] if one["group"] == "=Other"]
    assert all(one["corrected_p_value"] >= 0.05 for one in found["noise"])


def test_the_page_says_it_in_words_and_loads_nothing(output):
    page = (output / "monitor.html").read_text(encoding="utf-8")
    assert "Acme, 2026-01-15: negative rose from" in page
    assert 'href="#change-0"' in page
    assert 'id="change-0"' in page
    assert "intervals hold the sample's error alone" in page.replace("&#39;", "'")
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "https://" not in page


def test_prometheus_reads_the_latest_period(output):
    lines = (output / "shares.prom").read_text(encoding="utf-8").splitlines()
    assert 'sentiment_texts{group="Acme"} 120' in lines
    assert 'sentiment_change{group="Acme"} 1' in lines or 'sentiment_change{group="Acme"} 0' in lines
    [share] = [line for line in lines if line.startswith('sentiment_share{group="Acme",label="negative"}')]
    assert 0.1 < float(share.split()[-1]) < 0.35


def test_fail_on_ends_with_status_4_after_the_files_are_written(tmp_path, capsys):
    table = write_csv(tmp_path / "p.csv", predicted(lambda n: 0.7 if n == 11 else 0.2), header=HEADER)
    with pytest.raises(SystemExit) as stopped:
        main(["monitor", f"input={table}", f"output={tmp_path}/out", "time=created", "fail_on=[change]", "quiet=true"])
    assert stopped.value.code == 4
    assert "the mix of labels changed in the latest period (all)" in capsys.readouterr().err
    assert (tmp_path / "out" / "monitor.html").is_file()
    main(["monitor", f"input={table}", f"output={tmp_path}/out", "time=created", "fail_on=[drift]", "quiet=true"])


def test_texts_without_predictions_are_scored_once(tiny_run, tmp_path, capsys):
    rows = [(day(i % 3), f"{'good' if i % 2 else 'bad'} film") for i in range(60)]
    table = write_csv(tmp_path / "texts.csv", rows, header=("created", "text"))
    command = ["monitor", f"run={tiny_run}", f"input={table}", f"output={tmp_path}/out", "time=created", "quiet=true"]
    main(command)
    main(command)
    said = capsys.readouterr().err
    assert said.count("60 rows to") == 1
    assert "holds the predictions already" in said
    shares = {row["label"]: float(row["counted"]) for row in read_csv(tmp_path / "out" / "shares.csv")}
    assert shares == {"negative": 0.5, "positive": 0.5}


def test_a_predicted_file_knows_the_run_that_made_it(tiny_run, tmp_path):
    table = write_csv(tmp_path / "texts.csv", [("good film",), ("bad film",)] * 20, header=("text",))
    main(["predict", f"run={tiny_run}", f"input={table}", f"output={tmp_path}/p.csv", "quiet=true"])
    main(["monitor", f"input={tmp_path}/p.csv", f"output={tmp_path}/out", "quiet=true"])
    reason = read_json(tmp_path / "out" / "changes.json")["estimator"]["reason"]
    assert reason == "16 labelled texts are too few to compare estimators (at least 100)"
    assert "svg" in (tmp_path / "out" / "monitor.html").read_text(encoding="utf-8")


def test_equal_texts_and_retweets_count_once_where_asked(tmp_path):
    rows = [("Good film!", 0.1, 0.9), ("RT @someone: good film", 0.1, 0.9), ("bad", 0.8, 0.2), ("worse", 0.9, 0.1)]
    lines = [(text, "x", a, b) for text, a, b in rows]
    table = write_csv(tmp_path / "p.csv", lines, header=("text", "prediction", "p_negative", "p_positive"))
    for unique, texts in ((False, "4"), (True, "3")):
        main(["monitor", f"input={table}", f"output={tmp_path}/out", f"unique={unique}", "quiet=true"])
        assert read_csv(tmp_path / "out" / "shares.csv")[0]["texts"] == texts
    page = (tmp_path / "out" / "monitor.html").read_text(encoding="utf-8")
    assert "1 texts repeat an earlier one, retweets included" in page


def test_labelled_texts_choose_the_estimator_and_fit_the_intervals(tiny_run, tmp_path):
    texts = [
        (f"{'good' if i % 3 else 'bad'} film {i}", "positive" if i % 3 else "negative", f"b{i // 30}")
        for i in range(180)
    ]
    labelled = write_csv(tmp_path / "labelled.csv", texts, header=("text", "label", "brand"))
    table = write_csv(tmp_path / "texts.csv", [(text, brand) for text, _, brand in texts], header=("text", "brand"))
    main(
        ["monitor", f"run={tiny_run}", f"input={table}", f"labelled={labelled}", "by=brand", f"output={tmp_path}/out"]
        + ["sampled=false", "quiet=true"]
    )
    assert "were fitted on the 180 texts" in " ".join(read_json(tmp_path / "out" / "changes.json")["notes"])
    for row in read_csv(tmp_path / "out" / "shares.csv"):
        if row["label"] == "negative":
            assert float(row["low"]) <= 1 / 3 <= float(row["high"])


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
    columns = Columns("text", ["-1", "0"], true="truth")
    assert targets_of([{"truth": value} for value in (-1.0, "0", None, "")], columns).tolist() == [0, 1, -1, -1]
    with pytest.raises(DataError, match="true_column=truth: 'Acme' is no label of the model, which knows -1, 0"):
        targets_of([{"truth": "Acme"}], columns)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["true_column=truth"], "true_column=truth: {table} has no such column, only id, created"),
        (["true_column=brand", "history=h", "time=created"], "true_column: a history keeps no labels"),
        (["time=when"], "time=when: {table} has no such column, only id, created, brand, text"),
        (["by=airline"], "by=airline: {table} has no such column"),
        (["time=brand"], "time=brand: 'Acme' is not a date in ISO form; set time_format"),
        (["time=created", "every=1y"], "every=1y: expected a number of hours, days, weeks or months"),
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
    ],
)
def test_a_mistake_is_answered_by_one_line(table, tmp_path, capsys, overrides, message):
    with pytest.raises(SystemExit) as stopped:
        main(["monitor", f"input={table}", f"output={tmp_path}/out", "quiet=true", *overrides])
    said = capsys.readouterr().err.strip()
    assert stopped.value.code == 2
    assert message.format(table=table) in said
    assert len(said.splitlines()) == 1


def test_rows_that_cannot_be_counted_are_said(tmp_path, capsys):
    rows = [("a", day(0), "b", 0.2, 0.8), ("b", "yesterday", "b", 0.2, 0.8), ("c", day(0), "", "", "")]
    rows += [("最高でした", day(0), "", 0.5, 0.5), ("とても良い", day(0), "", 0.5, 0.5)]
    header = ("text", "created", "prediction", "p_a", "p_b")
    table = write_csv(tmp_path / "p.csv", rows, header=header)
    main(["monitor", f"input={table}", f"output={tmp_path}/out", "time=created", "quiet=true"])
    notes = " ".join(json.loads((tmp_path / "out" / "changes.json").read_text())["notes"])
    assert "1 rows have no prediction and are not counted" in notes
    assert "1 rows have no readable time in 'created'" in notes
    assert "2 texts have the same probability for each label, as those that the model cannot read" in notes
    assert [row["counted"] for row in read_csv(tmp_path / "out" / "shares.csv")] == ["0.0", "1.0"]
    write_csv(table, [("c", day(0), "", "", "")], header=header)
    with pytest.raises(SystemExit):
        main(["monitor", f"input={table}", f"output={tmp_path}/out", "time=created", "quiet=true"])
    assert "no row can be counted: of 1, 1 have no prediction" in capsys.readouterr().err
    write_csv(table, [("c", day(0), "x", "0.2", "0.3")], header=header)
    with pytest.raises(SystemExit):
        main(["monitor", f"input={table}", f"output={tmp_path}/out", "time=created", "quiet=true"])
    assert "do not add up to 1" in capsys.readouterr().err


def test_numbers_as_labels_have_a_mean(tmp_path):
    rows = [("a", "1", 0.0, 0.2, 0.8), ("b", "-1", 1.0, 0.0, 0.0)]
    table = write_csv(tmp_path / "p.csv", rows, header=("text", "prediction", "p_-1", "p_0", "p_1"))
    main(["monitor", f"input={table}", f"output={tmp_path}/out", "quiet=true"])
    assert read_csv(tmp_path / "out" / "shares.csv")[0]["mean"] == "0.0"
    assert "The mean label is +0.00." in (tmp_path / "out" / "monitor.html").read_text(encoding="utf-8")
