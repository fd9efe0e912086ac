"""Times, groups and texts that a monitor must read right, or refuse in one line."""

import datetime as dt

import pytest

from sentiment.errors import ConfigError, DataError
from sentiment.monitoring.analysis import examine
from sentiment.monitoring.evidence import moved_words
from sentiment.monitoring.groups import clipped
from sentiment.monitoring.model import Model
from sentiment.monitoring.page import charts, sections
from sentiment.monitoring.prepare import Reading
from sentiment.monitoring.rows import labels_of
from sentiment.monitoring.sentences import isolated
from sentiment.monitoring.shares import all_name, of_all_periods
from sentiment.monitoring.times import Clock
from tests.batch.echo import Echo
from tests.conftest import read_csv, write_csv
from tests.monitoring.echoed import days, run


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


def test_an_hour_that_clocks_repeat_is_two_periods_with_a_history_too(tmp_path):
    times = ["2026-10-25T02:30+02:00"] * 2 + ["2026-10-25T02:30+01:00"] * 3 + ["2026-10-25 03:30"] * 4
    rows = [(f"text {i}", time, "a") for i, time in enumerate(times)]
    settings = {"time_zone": "Europe/Berlin", "every": "1h"}
    expected = {
        ("2026-10-25 02:00+0200", "all"): 2, ("2026-10-25 02:00+0100", "all"): 3, ("2026-10-25 03:00", "all"): 4,
    }  # fmt: skip
    for own in (settings, settings | {"history": tmp_path / "history"}, settings | {"history": tmp_path / "history"}):
        assert run(tmp_path, rows, **own)[0] == expected
    assert [path.name for path in (tmp_path / "history").glob("day=*")] == ["day=2026-10-25"]
    start = int(dt.datetime(2026, 10, 25, 2, 0, tzinfo=dt.UTC).timestamp())
    assert f'sentiment_period_start_seconds{{group="all"}} {start}\n' in (tmp_path / "out" / "shares.prom").read_text()
    rows += [("no offset", "2026-10-25 02:10", "a"), ("no such time", "2026-03-29 02:10", "a")]
    texts, notes = run(tmp_path, rows, **settings)
    assert texts == {**expected, ("2026-10-25 02:00+0200", "all"): 3, ("2026-03-29 03:00", "all"): 1}
    assert any(one.startswith("1 time of an hour that the clocks of Europe/Berlin repeat, without") for one in notes)
    assert any(one.startswith("1 time of an hour that the clocks of Europe/Berlin leave out: counted") for one in notes)


def test_days_and_months_that_differ_in_a_late_row_are_refused_before_any_work(tmp_path):
    rows = [("text", "03/04/2026", "a")] * 1100
    engine = Echo()
    for late, message in {"25/04/2026": None, "04/25/2026": "'04/25/2026' the month"}.items():
        rows.append(("late", late, "a"))
        if message is None:
            assert run(tmp_path, rows)[0] == {("2026-04-03", "all"): 1100, ("2026-04-25", "all"): 1}
            continue
        with pytest.raises(DataError, match=message):
            run(tmp_path, rows, engine=lambda: engine)
    assert engine.texts == []


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


def test_an_output_that_is_a_file_is_refused_before_any_work(tmp_path):
    (tmp_path / "out").touch()
    engine = Echo()
    with pytest.raises(DataError, match=r"^output=[^ ]*/out is a file, no folder; name another path"):
        run(tmp_path, days(1), engine=lambda: engine)
    assert engine.texts == []


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


@pytest.mark.parametrize("prefix", ["", "m_"])
def test_columns_of_the_input_are_no_labels_though_they_begin_like_those_of_labels(prefix):
    own = [f"{prefix}p_value", "text", f"{prefix}p_name"]
    added = [f"{prefix}{name}" for name in ("prediction", "score", "p_bad", "p_good", "unreadable")]
    assert labels_of([*own, *added, f"{prefix}p_late"], prefix) == ["bad", "good"]
    several = [name for name in added if not name.endswith("score")]
    assert labels_of([*own, *several], prefix) == ["bad", "good"]
    assert labels_of([*added[:3], "text", *added[3:]], prefix) == ["bad", "good"]  # in another order


def test_one_word_alone_moves_nothing():
    assert moved_words([{"late"}] * 5, [{"late"}] * 5) == []


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
