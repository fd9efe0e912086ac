"""What the monitor refuses is told to a visitor of the page in words without keys and folders."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pytest

from sentiment.data.tables import Limits, open_table
from sentiment.errors import DataError
from sentiment.inference.predictor import Predictor
from sentiment.monitoring.answers import targets_of
from sentiment.monitoring.cells import MOST_GROUPS, Cells
from sentiment.monitoring.page import sections
from sentiment.monitoring.periods import Every
from sentiment.monitoring.prepared import Prepared
from sentiment.monitoring.rows import Chunk, Columns, check_probabilities, labels_of
from sentiment.monitoring.sentences import sentences
from sentiment.monitoring.times import Clock
from sentiment.ui.app_state import AppState
from sentiment.ui.backend import InProcess
from sentiment.ui.limits import Rate
from sentiment.ui.storage import Storage
from sentiment.ui.trends import Asked, refusal, trends
from tests.conftest import write_csv


def clock(*values):
    Clock.of("day", values, time_format=None, zone="UTC")


def many_groups():
    count = MOST_GROUPS + 1
    times, rows = np.zeros(count, dtype="datetime64[s]"), np.full((count, 2), 0.5)
    groups = [str(i) for i in range(count)]
    Cells(["a", "b"], Every.of("1d")).add(Chunk(times, groups, groups, rows, rows.argmax(axis=1)))


def nothing_counted():
    Prepared(SimpleNamespace(rows=3), Columns("text", ["a", "b"]), None).check_any({})


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (lambda: clock(None, ""), "The column “day” is empty: choose another column of times."),
        (lambda: clock("03/04/2026"), "&#x27;03/04/2026&#x27; in “day” may have the day or the month first"),
        (
            lambda: clock("25/04/2026", "04/25/2026"),
            "The dates in “day” are of two kinds: &#x27;25/04/2026&#x27; has the day",
        ),
        (lambda: clock("25/04/2026", dt.date(2026, 4, 3)), "&#x27;25/04/2026&#x27; in “day” is a date of another kind"),
        (lambda: clock("soon"), "&#x27;soon&#x27; in “day” is no date or time that this page can read."),
        (
            lambda: targets_of(["good"], "stars", ["a", "b"], several=False),
            "&#x27;good&#x27; in “stars” is no label of this model, which knows a, b: choose another column",
        ),
        (many_groups, "The group column has more than 200 different values"),
        (nothing_counted, "None of the 3 rows can be counted: 0 have no text that could be scored, 0 have the same"),
        (
            lambda: labels_of(["text", "prediction"], ""),
            "The table has a column “prediction” but not the probabilities",
        ),
        (
            lambda: check_probabilities(np.array([[0.9, 0.9]]), several=False),
            "The probabilities in this table were changed.",
        ),
        (
            lambda: check_probabilities(np.array([[0.9, 1.9]]), several=True),
            "The probabilities in this table were changed.",
        ),
    ],
)
def test_a_refusal_of_the_monitor_has_words_for_a_visitor(refused, words):
    with pytest.raises(DataError) as caught:
        refused()
    assert words in refusal(caught.value, "/tmp/upload/table.csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"text\n\xc3\xa9\ncaf\xe9\n", "a.csv is neither UTF-8 nor cp1252; save the file as UTF-8</span>"),
        (
            b"1,2\n3,4,5\n",
            "a.csv, line 2: 3 values under 2 columns; put values that hold the separator in double quotes<",
        ),
    ],
)
def test_an_error_of_a_table_names_no_key_that_a_page_has_not(tmp_path, content, message):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        [*open_table(path).rows()]
    assert message in refusal(caught.value, str(path))


def test_a_table_of_several_labels_has_a_chart_with_shares_that_need_not_add_up(tiny_run, tmp_path):
    rows = [
        (f"2026-01-{day:02}", f"text {i} {day}", "joy|fear", 0.9, 0.8, 0.0) for day in range(1, 5) for i in range(12)
    ]
    path = write_csv(tmp_path / "p.csv", rows, header=("day", "text", "prediction", "p_joy", "p_fear", "unreadable"))
    (tmp_path / "stored" / "results").mkdir(parents=True)
    storage = Storage(tmp_path / "stored", most=10**9, seconds=3600)
    desk = AppState(InProcess(Predictor.load(tiny_run), "tiny"), Rate(10_000), None, None, storage, Limits(rows=20_000))
    request = SimpleNamespace(session_hash="a", username="a", client=None, headers={})
    result, files = trends(desk, Asked(str(path), "text", "day", None, "1d"), request)
    assert result.overall.counted.tolist() == [1, 1]
    assert "A text may have several labels, or none" in sections(result) + " ".join(sentences(result))
    assert [file.name for file in files] == ["monitor.html", "shares.xlsx", "shares.csv"]


def test_the_bar_is_full_once_the_texts_are_scored_though_a_row_has_none(tiny_run, tmp_path):
    rows = [*[("", "2026-01-01")] * 20, *[(f"bad {i}", "2026-01-02") for i in range(10)]]
    table = write_csv(tmp_path / "mine.csv", rows, header=("text", "day"))
    storage = Storage(tmp_path, most=10**9, seconds=3600)
    desk = AppState(InProcess(Predictor.load(tiny_run), "tiny"), Rate(10_000), None, None, storage, Limits(rows=1000))
    visitor = SimpleNamespace(session_hash="v", username="v", client=None, headers={})
    seen = []

    def progress(done, *, unit, desc):
        seen.append((done, desc))

    trends(desk, Asked(str(table), "text", "day", None, "1d"), visitor, progress)
    assert seen[-1] == ((30, 30), "Estimating shares, changes and their evidence")
    assert all(desc == "Scoring the texts" for _, desc in seen[:-1])


def test_texts_are_scored_with_the_aspect_that_a_visitor_names(aspect_run, tmp_path):
    rows = [("good screen, bad battery", of, "x") for of in ("screen", "battery") for _ in range(8)]
    table = write_csv(tmp_path / "mine.csv", rows, header=("text", "of", "label"))
    backend = InProcess(Predictor.load(aspect_run), "aspects")
    storage = Storage(tmp_path, most=10**9, seconds=3600)
    desk = AppState(backend, Rate(10_000), None, None, storage, Limits(rows=1000))
    visitor = SimpleNamespace(session_hash="v", username=None, client=SimpleNamespace(host="127.0.0.1"), headers={})
    result, files = trends(desk, Asked(str(table), "text", None, "of", "1d", aspect="of"), visitor)
    assert {name: series[0].n for name, series in result.groups.items()} == {"all": 16, "battery": 8, "screen": 8}
    with pytest.raises(DataError) as caught:
        trends(desk, Asked(str(table), "text", None, None, "1d"), visitor)
    assert "choose the column that names it, under “About”" in refusal(caught.value, str(table))
