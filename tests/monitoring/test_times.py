"""Times in the forms that tables have them in, alone and beside each other."""

import datetime as dt
from collections import Counter

import numpy as np
import pytest

from sentiment.errors import ConfigError, DataError
from sentiment.monitoring.times import Clock


def at(*texts):
    return np.array(texts, dtype="datetime64[s]")


def clock_of(*values, time_format=None, zone="UTC"):
    return Clock.of("created", values, time_format=time_format, zone=zone)


def read(*values, **options):
    return [str(time) for time in clock_of(*values, **options).read(values)]


@pytest.mark.parametrize(
    ("value", "options", "time"),
    [
        ("2015-02-24T11:35:52", {}, "2015-02-24T11:35:52"),
        ("2015-02-24 11:35:52 -0800", {}, "2015-02-24T19:35:52"),
        ("2015-02-24T23:35:52Z", {"zone": "Europe/Berlin"}, "2015-02-24T23:35:52"),
        ("2015-02-24T23:35:52", {"zone": "Europe/Berlin"}, "2015-02-24T22:35:52"),
        ("2015-02-24 23:35:52+00", {"zone": "Europe/Berlin"}, "2015-02-24T23:35:52"),  # PostgreSQL
        ("2015-02-24 23:35:52 UTC", {"zone": "Europe/Berlin"}, "2015-02-24T23:35:52"),  # BigQuery
        ("24-02-2015", {"zone": "America/New_York"}, "2015-02-24T05:00:00"),  # -2015 is no offset
        ("24.02.2015", {"zone": "Europe/Berlin", "time_format": "%d.%m.%Y"}, "2015-02-23T23:00"),
        ("24-02-2015 +0300", {"zone": "Europe/Berlin", "time_format": "%d-%m-%Y %z"}, "2015-02-23T21:00"),
        ("Tue Feb 24 11:35:52 +0000 2015", {}, "2015-02-24T11:35:52"),
        ("1424777752", {}, "2015-02-24T11:35:52"),
        (1424777752000, {}, "2015-02-24T11:35:52"),
        ("24.02.2015 11:35", {"time_format": "%d.%m.%Y %H:%M"}, "2015-02-24T11:35"),
        (dt.datetime(2015, 2, 24, 11, 35), {}, "2015-02-24T11:35"),
        (dt.date(2015, 2, 24), {}, "2015-02-24"),
        ("4.2.2015 9:35", {}, "2015-02-04T09:35"),
        ("24/02/2015", {}, "2015-02-24"),
        ("2/24/2015 11:35:52 PM", {}, "2015-02-24T23:35:52"),
    ],
)
def test_a_time_is_read_in_its_form(value, options, time):
    clock = Clock.of("created", [None, "", value], **{"time_format": None, "zone": "UTC", **options})
    read = clock.read([value, None, "no time"])
    assert read[0] == at(time)
    assert np.isnat(read[1:]).all()


def test_a_date_that_may_be_of_two_days_is_not_guessed():
    with pytest.raises(DataError, match="'03/04/2015' may have the day or the month first; set time_format"):
        Clock.of("created", ["03/04/2015"], time_format=None, zone="UTC")
    with pytest.raises(DataError, match="the column is empty"):
        Clock.of("created", ["", None], time_format=None, zone="UTC")
    with pytest.raises(ConfigError, match="time_zone=Mars: unknown"):
        Clock.of("created", ["2015-02-24"], time_format=None, zone="Mars")


def test_dates_of_a_spreadsheet_are_read_in_the_order_that_any_of_them_gives_away():
    values = ["03/04/2026 10:00", "05/04/2026 10:00", "25/04/2026 10:00"]
    clock = Clock.of("created", values, time_format=None, zone="UTC")
    assert (clock.read(values) == at("2026-04-03T10:00", "2026-04-05T10:00", "2026-04-25T10:00")).all()
    assert clock.said == "Times in 'created' were read with the day first: '25/04/2026 10:00' is 2026-04-25 10:00."
    assert Clock.of("created", ["2026-04-03"], time_format=None, zone="UTC").said is None
    with pytest.raises(DataError, match=r"'03/04/2026 10:00' may have the day or the month first; set time_format="):
        Clock.of("created", values[:2], time_format=None, zone="UTC")


def test_forms_of_one_meaning_may_stand_in_one_column():
    values = ["2015-02-24", "2015-02-24T10:00:00+05:00", "Fri Feb 20 12:00:00 +0000 2015", "1424777752", 1424777752000]
    values += ["25/04/2015", "03/04/2015 9:05", "03/04/2015 9:05:07 PM"]
    expected = ["2015-02-24T00:00:00", "2015-02-24T05:00:00", "2015-02-20T12:00:00", *["2015-02-24T11:35:52"] * 2]
    expected += ["2015-04-25T00:00:00", "2015-04-03T09:05:00", "2015-04-03T21:05:07"]
    assert read(*values) == expected
    assert read(*values[3:], *values[:3]) == expected[3:] + expected[:3]


@pytest.mark.parametrize("value", ["n/a", "-1", "0000-00-00", "0001-01-01", "9999-12-31", "201502241135", "11:35:00"])
def test_what_is_no_time_beside_times_is_none(value):
    assert read(value, "2015-02-24", "2015-02-25")[0] == "NaT"
    with pytest.raises(DataError, match=f"time=created: '{value}' is not a date in ISO form; set time_format"):
        clock_of(value, value, "2015-02-24")


@pytest.mark.parametrize("value", [1424777752000000, 1424777752000000000, 2015, "20150224", 0])
def test_what_is_no_time_beside_numbers_is_none(value):
    assert read(1424777752, value, 1424777752, zone="Asia/Tokyo") == [
        "2015-02-24T11:35:52", "NaT", "2015-02-24T11:35:52",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            ["25/04/2015", "04/25/2015"],
            "'25/04/2015' has the day first, '04/25/2015' the month; write all dates in one",
        ),
        (["03.04.2015", "04.25.2015"], "'03.04.2015' has the day first, '04.25.2015' the month"),
        (["2015-04-03", "03/04/2015"], "'03/04/2015' may have the day or the month first; set time_format="),
        (
            [dt.datetime(2015, 4, 3), "25/04/2015"],
            "'25/04/2015' is a text, '2015-04-03 00:00:00' a cell of the type date",
        ),
        (["25/04/15"], "'25/04/15' is not a date in ISO form; set time_format"),
    ],
)
def test_days_and_months_are_never_mixed(values, message):
    with pytest.raises(DataError, match=message):
        clock_of(*values)
    if len(values) == 2 and isinstance(values[0], str):
        with pytest.raises(DataError, match="the month|another form than the values before it"):  # past the first rows
            clock_of(values[0]).read(values[1:])


def test_a_format_in_the_wrong_order_is_refused():
    clock = clock_of("03/04/2015", time_format="%m/%d/%Y")
    with pytest.raises(DataError, match="'25/04/2015' has day and month in the other order than time_format=%m/%d/%Y"):
        clock.read(["25/04/2015"])
    for form in ("mixed", "ISO8601", "%Q"):  # pandas guesses each value anew for the first
        with pytest.raises(ConfigError, match=f"time_format={form}: .*; expected one of strptime"):
            clock_of("03/04/2015", time_format=form)


def test_local_times_that_clocks_repeat_or_leave_out_are_counted():
    doubts, values = Counter(), ["2026-10-25 02:30", "2026-10-25 02:30+01:00", "2026-03-29 02:30", "2026-07-01", "no"]
    times = clock_of(*values, zone="Europe/Berlin").read(values, doubts)
    assert (times[:4] == at("2026-10-25T00:30", "2026-10-25T01:30", "2026-03-29T01:00", "2026-06-30T22:00")).all()
    assert doubts == {"twice": 1, "never": 1}
