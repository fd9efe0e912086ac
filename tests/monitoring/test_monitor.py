"""The command on tables with and without predictions: its files and its messages."""

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from sentiment.cli import main
from tests.conftest import read_csv, read_json, write_csv
from tests.monitoring.predictions import HEADER, day, predicted


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
    assert sheet.title == "shares"
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
    lines = [(text, "negative" if a > b else "positive", a, b) for text, a, b in rows]
    table = write_csv(tmp_path / "p.csv", lines, header=("text", "prediction", "p_negative", "p_positive"))
    for unique, texts in ((False, "4"), (True, "3")):
        main(["monitor", f"input={table}", f"output={tmp_path}/out", f"unique={unique}", "quiet=true"])
        assert read_csv(tmp_path / "out" / "shares.csv")[0]["texts"] == texts
    page = (tmp_path / "out" / "monitor.html").read_text(encoding="utf-8")
    assert "1 text equal to an earlier one, retweets included, not counted." in page


def test_numbers_as_labels_have_a_mean(tmp_path):
    rows = [("a", "1", 0.0, 0.2, 0.8), ("b", "-1", 1.0, 0.0, 0.0)]
    table = write_csv(tmp_path / "p.csv", rows, header=("text", "prediction", "p_-1", "p_0", "p_1"))
    main(["monitor", f"input={table}", f"output={tmp_path}/out", "quiet=true"])
    assert read_csv(tmp_path / "out" / "shares.csv")[0]["mean"] == "0.0"
    assert ", 0: " in (tmp_path / "out" / "monitor.html").read_text(encoding="utf-8")
    assert "The mean label is +0.00." in (tmp_path / "out" / "monitor.html").read_text(encoding="utf-8")
