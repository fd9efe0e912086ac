"""Periods, and times in the forms that tables have them in."""

import datetime as dt

import numpy as np
import pytest

from sentiment.errors import ConfigError, DataError
from sentiment.monitoring.periods import Clock, Every


def at(*texts):
    return np.array(texts, dtype="datetime64[s]")


@pytest.mark.parametrize(
    ("every", "time", "start", "name"),
    [
        ("1d", "2015-02-16T23:36", "2015-02-16", "2015-02-16"),
        ("6h", "2015-02-16T23:36", "2015-02-16T18:00", "2015-02-16 18:00"),
        ("w", "2015-02-22T10:00", "2015-02-16", "2015-02-16"),  # a Sunday belongs to the week from Monday
        ("1m", "2015-02-22T10:00", "2015-02-01", "2015-02"),
        ("3m", "2015-06-22T10:00", "2015-04-01", "2015-04"),
        ("1d", "1969-12-31T10:00", "1969-12-31", "1969-12-31"),
    ],
)
def test_a_time_falls_into_its_period(every, time, start, name):
    spell = Every.of(every)
    found = spell.starts(at(time))
    assert found == at(start)
    assert spell.name(found[0].astype("int64")) == name
    start = int(found[0].astype("int64"))
    next_one = int(spell.starts(np.array([start + 100 * 86_400], dtype="datetime64[s]"))[0].astype("int64"))
    step = {"1d": 100, "6h": 400, "w": 14, "1m": 3, "3m": 1}[every]
    assert spell.number(next_one) - spell.number(start) == step


@pytest.mark.parametrize("every", ["", "0d", "1y", "d1", "-1d"])
def test_a_length_that_is_none_is_refused(every):
    with pytest.raises(ConfigError, match=f"every={every}: expected a number of hours"):
        Every.of(every)


@pytest.mark.parametrize(
    ("value", "options", "time"),
    [
        ("2015-02-24T11:35:52", {}, "2015-02-24T11:35:52"),
        ("2015-02-24 11:35:52 -0800", {}, "2015-02-24T19:35:52"),
        ("2015-02-24T23:35:52Z", {"zone": "Europe/Berlin"}, "2015-02-25T00:35:52"),
        ("2015-02-24T23:35:52", {"zone": "Europe/Berlin"}, "2015-02-24T23:35:52"),
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
def test_times_are_read_in_the_form_of_the_first(value, options, time):
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
    assert clock.said == "Times in 'created' were read with the day first, such as 31/12/2026 14:05."
    assert Clock.of("created", ["2026-04-03"], time_format=None, zone="UTC").said is None
    with pytest.raises(DataError, match=r"'03/04/2026 10:00' may have the day or the month first; set time_format="):
        Clock.of("created", values[:2], time_format=None, zone="UTC")
