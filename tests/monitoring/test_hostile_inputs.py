"""Times, groups and histories that a monitor must read right, or refuse in one line."""

import datetime as dt
import json
import multiprocessing
import shutil
from unittest.mock import ANY

import pytest

from sentiment.errors import ConfigError, DataError
from sentiment.monitoring.analysis import examine
from sentiment.monitoring.command import monitor
from sentiment.monitoring.evidence import moved_words
from sentiment.monitoring.groups import clipped
from sentiment.monitoring.history import History
from sentiment.monitoring.model import Model
from sentiment.monitoring.page import charts, sections
from sentiment.monitoring.periods import Clock, moment
from sentiment.monitoring.prepare import Reading
from sentiment.monitoring.sentences import isolated
from sentiment.monitoring.shares import all_name, of_all_periods
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


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ([20150216], "2015-02-16"),  # a date of JSON or Parquet, not 233 days after 1970
        ([2015], "2015-01-01"),
        ([1424044800], "2015-02-16"),
        ([1424044800000.0], "2015-02-16"),
        ([dt.date(2015, 2, 16)], "2015-02-16"),
        (["1424044800", 0], "2015-02-16"),
    ],
)
def test_a_number_is_a_time_since_1970_only_where_it_can_be_one(values, read):
    times = Clock.of("time", values, time_format=None, zone="UTC").read(values)
    assert [str(one)[:10] for one in times] == [read, "NaT"][: len(values)]


@pytest.mark.parametrize("value", [42051, 42051.5, True, 0, 1424044800000000])
def test_a_number_that_is_no_time_is_refused(value):
    with pytest.raises(DataError, match=f"time=time: '{value}' is not a date in ISO form; set time_format"):
        Clock.of("time", [value], time_format=None, zone="UTC")


def test_an_empty_time_zone_is_refused():
    with pytest.raises(ConfigError, match="time_zone=: unknown; expected for example UTC"):
        Clock.of("time", ["2026-01-01"], time_format=None, zone="")


def test_prometheus_gets_the_moment_at_which_a_local_period_begins(tmp_path):
    rows = [(f"text {i}", "2026-07-14T22:30:00Z", "a") for i in range(12)]
    for settings in ({}, {"history": tmp_path / "history"}):
        texts, _ = run(tmp_path, rows, time_zone="Europe/Berlin", **settings)
        assert texts == {("2026-07-15", "all"): 12}
        start = int(dt.datetime(2026, 7, 14, 22, tzinfo=dt.UTC).timestamp())
        gauges = (tmp_path / "out" / "shares.prom").read_text()
        assert f'sentiment_period_start_seconds{{group="all"}} {start}\n' in gauges
    assert moment(0, "UTC") == 0


def test_a_latest_period_in_the_future_is_noted(tmp_path):
    texts, notes = run(tmp_path, [*days(1, 2), ("late", "2162-01-01", "a")])
    assert texts["2162-01-01", "all"] == 1
    assert "The latest period, 2162-01-01, begins in the future: some times may be wrong." in notes
    assert not any("future" in note for note in run(tmp_path, days(1, 2))[1])


def test_a_table_without_rows_is_said_to_have_none(tmp_path):
    with pytest.raises(DataError, match=r"in\.csv has no rows to monitor"):
        run(tmp_path, [])


def test_a_group_without_enough_texts_for_a_line_is_shown_by_all_its_texts(tmp_path):
    rows = [*days(1, 2, 5), *days(1, brand="b", count=7), *days(2, 5, brand="b", count=6), *days(2, brand="c", count=1)]
    table = write_csv(tmp_path / "in.csv", rows, header=("text", "time", "brand"))
    reading = Reading(input=str(table), output=tmp_path, time="time", by=("brand",), text_column=None)
    result = examine(reading, Model(Echo, ""), title="x", every="1d")
    drawn = charts(result)
    assert [one["title"] for one in drawn] == ["all", "a", "Groups with too few texts for a line"]
    assert drawn[0]["text"] == "56 texts, 18 to 19 in a period; 2 periods without texts, which the lines cross"
    whole = of_all_periods(result.groups["b"], result.quantifier, sampled=True)
    assert whole.n == 19
    assert whole.counted == pytest.approx(sum(one.counted * one.n for one in result.groups["b"]) / 19)
    assert "all periods" in drawn[-1]["text"]


def test_groups_with_any_name_stay_apart(tmp_path):
    names = ["all", "all groups", "=1+1", "<b>x</b>", 'a"b\\c']
    texts, _ = run(tmp_path, [row for name in names for row in days(1, brand=name)], by="brand")
    assert texts == {("2026-01-01", shown): 12 for shown in ["all", "all groups", "'=1+1", "<b>x</b>", 'a"b\\c']} | {
        ("2026-01-01", "all groups groups"): 60
    }
    assert all_name({"a"}) == "all"
    long = "x" * 90
    assert clipped(long + "a") != clipped(long + "b")
    assert len(clipped(long)) <= 80
    assert "<b>x</b>" not in (tmp_path / "out" / "monitor.html").read_text(encoding="utf-8")
    assert 'group="a\\"b\\\\c"' in (tmp_path / "out" / "shares.prom").read_text(encoding="utf-8")


def test_predictions_of_another_column_are_not_taken_for_these(tmp_path):
    rows = [(f"text {i}", "2026-01-01", "a", "same") for i in range(12)]
    shares = []
    for settings in ({}, {"text_column": "title"}, {}):
        run(tmp_path, rows, header=("text", "time", "brand", "title"), **settings)
        shares.append([float(row["counted"]) for row in read_csv(tmp_path / "out" / "shares.csv")])
    assert shares[1] in ([0, 1], [1, 0])  # all texts of the other column are equal
    assert shares[0] == shares[2] != shares[1]


def test_one_word_alone_moves_nothing():
    assert moved_words([{"late"}] * 5, [{"late"}] * 5) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"by": None}, "was made with by=brand, now it is None"),
        ({"time_zone": "Europe/Berlin"}, "was made with time_zone=UTC, now it is Europe/Berlin"),
        ({"header": ("text", "time", "brand", "likes")}, r"columns=\['brand', 'text', 'time'\], now it is .*'likes'"),
        ({"engine": lambda: Echo(version=2)}, "was made with model={'engine': 'echo'}, now it is .*'version': 2"),
        ({"name": "in.tsv"}, "was made with format=csv, now it is tsv"),
    ],
)
def test_a_history_refuses_rows_that_it_would_count_twice_or_mix(tmp_path, change, message):
    settings = {"by": "brand", "history": tmp_path / "history"}
    first, _ = run(tmp_path, days(1, 2), **settings)
    rows = [(*row, 5) if "header" in change else row for row in days(1, 2)]
    with pytest.raises(DataError, match=message):
        run(tmp_path, rows, **settings | change)
    assert run(tmp_path, days(1, 2), **settings)[0] == first


def test_a_history_takes_late_rows_and_groups_as_they_are(tmp_path):
    settings = {"by": "brand", "history": tmp_path / "histo[r]y"}
    run(tmp_path, days(1, 3, brand="0"), **settings)
    texts, notes = run(tmp_path, [*days(1, 2, 3, brand="0"), *days(1, brand="")], **settings)
    assert notes[1].startswith("24 of 48 rows are new")
    assert {key: count for key, count in texts.items() if key[1] != "all"} == {
        **{(f"2026-01-0{n}", "0"): 12 for n in (1, 2, 3)},
        ("2026-01-01", "(none)"): 12,
    }


def test_a_history_counts_equal_rows_of_an_input_as_the_input_alone_does(tmp_path):
    settings, again = {"history": tmp_path / "history"}, [*days(1), *days(1, count=3), *days(2), *days(2, count=1)]
    alone, _ = run(tmp_path, again)
    assert alone == {("2026-01-01", "all"): 15, ("2026-01-02", "all"): 13}
    assert run(tmp_path, again[:15], **settings) == ({("2026-01-01", "all"): 15}, [ANY, "15 of 15 rows are new."])
    for _ in range(2):
        assert run(tmp_path, again, **settings)[0] == alone


def test_a_day_is_corrected_by_removing_its_part_of_the_history(tmp_path):
    settings = {"by": "brand", "history": tmp_path / "history"}
    run(tmp_path, days(1, 2), **settings)
    shutil.rmtree(tmp_path / "history" / "day=2026-01-01")
    texts, _ = run(tmp_path, days(1, brand="b", count=5), **settings)
    assert {key: count for key, count in texts.items() if key[1] in "ab"} == {
        ("2026-01-02", "a"): 12,
        ("2026-01-01", "b"): 5,
    }


def test_a_history_of_an_earlier_version_goes_on_and_records_how_it_is_read(tmp_path):
    settings = {"by": "brand", "history": tmp_path / "history"}
    run(tmp_path, days(1), **settings)
    record = tmp_path / "history" / "monitor_history.json"
    record.write_text(json.dumps({"model": read_json(record)["model"]}))
    run(tmp_path, days(1, 2), **settings)
    assert read_json(record)["by"] == "brand"


def add(folder, rows, ready):
    ready.wait(60)
    run(folder, rows, history=folder.parent / "history")


def test_two_monitors_that_add_at_once_double_no_row(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, rows = context.Event(), days(*range(1, 20))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    own = {"a": rows[:200], "b": rows[100:]}
    workers = [context.Process(target=add, args=(tmp_path / name, part, ready)) for name, part in own.items()]
    for worker in workers:
        worker.start()
    ready.set()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    store = History(tmp_path / "history", ["a", "b"])
    counts = {n: len(store.known(f"2026-01-{n:02}")) for n in range(1, 20)}
    assert counts == dict.fromkeys(range(1, 20), 12)
    assert {count for _, count in run(tmp_path, rows, history=tmp_path / "history")[0].items()} == {12}


def examined(tmp_path, rows):
    table = write_csv(tmp_path / "in.csv", rows, header=("text", "time", "brand"))
    reading = Reading(input=str(table), output=tmp_path, time="time", by=("brand",), text_column=None)
    return examine(reading, Model(Echo, ""), title="x", every="1d")


def test_a_line_of_many_periods_has_points_of_several_together(tmp_path):
    start = dt.date(2026, 1, 1)
    rows = [(f"text {i}", start + dt.timedelta(days=day), "a") for day in range(130) for i in range(10)]
    (one,) = charts(examined(tmp_path, rows))
    assert one["text"] == "1,300 texts, 10 in a period; a point is of up to 3 periods together"
    line = one["svg"].split("<polyline")[1].split('points="')[1].partition('"')[0]
    assert len(line.split()) == 44


def test_groups_that_get_no_chart_are_said_and_are_those_with_fewest_texts(tmp_path):
    rows = [row for i in range(45) for row in days(1, 2, brand=f"b{i:02}", count=10 + (i > 4))]
    result = examined(tmp_path, rows)
    titles = [one["title"] for one in charts(result)]
    assert (len(titles), titles[0]) == (40, "all")
    assert {f"b{i:02}" for i in range(5)}.isdisjoint(titles)
    assert "6 more groups, with fewer texts, are in the table of shares alone." in sections(result)


def test_one_period_has_no_changes_to_look_for(tmp_path):
    assert "There are too few periods with enough texts to look for changes." in sections(examined(tmp_path, days(1)))


def test_a_name_from_right_to_left_leaves_the_date_beside_it_as_it_is():
    assert isolated("שלום 2") == "\u2068שלום 2\u2069"
    assert isolated("Café 日本") == "Café 日本"
