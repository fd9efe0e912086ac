"""What the monitor refuses is told to a visitor of the page in words without keys and folders."""

from types import SimpleNamespace

import numpy as np
import pytest

from sentiment.errors import DataError
from sentiment.monitoring.cells import MOST_GROUPS, Cells
from sentiment.monitoring.periods import Clock, Every
from sentiment.monitoring.prepared import Prepared
from sentiment.monitoring.rows import Chunk, Columns, check_probabilities, labels_of
from sentiment.ui.trends import refusal


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
        (lambda: clock("soon"), "&#x27;soon&#x27; in “day” is no date or time that this page can read."),
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
