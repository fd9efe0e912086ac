"""Periods that times fall into."""

import numpy as np
import pandas as pd
import pytest

from sentiment.errors import ConfigError
from sentiment.monitoring.periods import Every


def at(*texts):
    return np.array(texts, dtype="datetime64[s]")


@pytest.mark.parametrize(
    ("every", "time", "start", "name"),
    [
        ("1d", "2015-02-16T23:36", "2015-02-16", "2015-02-16"),
        ("6h", "2015-02-16T23:36", "2015-02-16T18:00", "2015-02-16 18:00"),
        ("w", "2015-02-22T10:00", "2015-02-16", "2015-02-16"),  # a Sunday belongs to the week from Monday
        ("15min", "2015-02-16T23:36", "2015-02-16T23:30", "2015-02-16 23:30"),
        ("90min", "2015-02-16T23:36", "2015-02-16T22:30", "2015-02-16 22:30"),
        ("60MIN", "2015-02-16T23:36", "2015-02-16T23:00", "2015-02-16 23:00"),
        ("1D", "2015-02-16T23:36", "2015-02-16", "2015-02-16"),
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
    steps = {"1d": 100, "6h": 400, "w": 14, "1m": 3, "3m": 1, "15min": 9600, "90min": 1600, "60min": 2400}
    assert spell.number(next_one) - spell.number(start) == steps[every.lower()]


@pytest.mark.parametrize("every", ["", "0d", "1y", "d1", "-1d", "0min", "15mins", "15s"])
def test_a_length_that_is_none_is_refused(every):
    with pytest.raises(ConfigError, match=f"every={every}: expected a number of minutes, .* such as 15min, 6h, 1d, 1w"):
        Every.of(every)


@pytest.mark.parametrize("every", ["5m", "15m", "30M", "24m"])
def test_months_that_are_likely_minutes_are_refused(every):
    with pytest.raises(ConfigError, match=f"every={every}: m is months, .* 12m, or {every[:-1]}min for minutes"):
        Every.of(every)


BERLIN = "Europe/Berlin"  # on 2026-10-25 the hour from 2 is there twice, on 2026-03-29 it is not


@pytest.mark.parametrize(
    ("every", "times", "names"),
    [
        (
            "1h",
            ["2026-10-24T23:59", "2026-10-25T00:30", "2026-10-25T01:30", "2026-10-25T02:30"],
            ["2026-10-25 01:00", "2026-10-25 02:00+0200", "2026-10-25 02:00+0100", "2026-10-25 03:00"],
        ),
        ("1h", ["2026-03-29T00:59", "2026-03-29T01:00"], ["2026-03-29 01:00", "2026-03-29 03:00"]),
        (
            "30min",
            ["2026-10-24T23:59", "2026-10-25T00:20", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:59"],
            [
                *("2026-10-25 01:30", "2026-10-25 02:00+0200", "2026-10-25 02:30+0200"),
                *("2026-10-25 02:00+0100", "2026-10-25 02:30+0100"),
            ],
        ),
        ("15min", ["2026-03-29T00:59", "2026-03-29T01:00"], ["2026-03-29 01:45", "2026-03-29 03:00"]),
        ("45min", ["2026-10-25T00:20", "2026-10-25T01:20"], ["2026-10-25 02:15", "2026-10-25 02:15"]),
        (
            "6h",
            ["2026-10-24T22:00", "2026-10-25T04:59", "2026-10-25T05:00"],
            ["2026-10-25 00:00", "2026-10-25 00:00", "2026-10-25 06:00"],
        ),
        ("6h", ["2026-03-29T03:59", "2026-03-29T04:00"], ["2026-03-29 00:00", "2026-03-29 06:00"]),
        ("2h", ["2026-10-25T02:59", "2026-10-25T03:00"], ["2026-10-25 02:00", "2026-10-25 04:00"]),
        (
            "1d",
            ["2026-10-24T22:00", "2026-10-25T22:59", "2026-10-25T23:00"],
            ["2026-10-25", "2026-10-25", "2026-10-26"],
        ),
        ("1w", ["2026-10-25T22:59", "2026-10-25T23:00"], ["2026-10-19", "2026-10-26"]),
        ("1m", ["2026-10-31T22:59", "2026-10-31T23:00"], ["2026-10", "2026-11"]),
    ],
)
def test_a_change_of_clocks_repeats_an_hour_or_leaves_one_out(every, times, names):
    spell = Every.of(every, BERLIN)
    starts = spell.starts(at(*times))
    assert [spell.name(start) for start in starts.astype("int64")] == names
    assert (starts <= at(*times)).all()
    first, last = (int(starts[i].astype("int64")) for i in (0, -1))
    assert spell.number(last) - spell.number(first) == len(set(names)) - 1  # no period between them


@pytest.mark.parametrize("every", ["1h", "15min", "20min"])
def test_hours_and_minutes_are_those_of_pandas(every):
    times = np.arange("2026-03-28", "2026-03-31", 420, dtype="datetime64[s]")
    times = np.concatenate([times, np.arange("2026-10-24", "2026-10-27", 420, dtype="datetime64[s]")])
    for zone in (BERLIN, "America/New_York", "Asia/Kolkata", "UTC"):
        local = pd.Series(1, index=pd.DatetimeIndex(times).tz_localize("UTC").tz_convert(zone))
        counted = local.resample(every).sum()
        found, counts = np.unique(Every.of(every, zone).starts(times), return_counts=True)
        expected = counted[counted > 0]
        assert (expected.index.tz_convert("UTC").tz_localize(None).to_numpy() == found).all()
        assert (expected.to_numpy() == counts).all()
