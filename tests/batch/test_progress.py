"""A batch job says how far it is: a bar on a terminal, lines where there is none, nothing if it is told so."""

import logging

import pytest

from sentiment.batch.progress import Rows


@pytest.mark.parametrize(
    ("terminal", "quiet", "total", "told"),
    [
        (False, False, 3000, ["predict: 1,000 of 3,000 rows", "predict: 3,000 of 3,000 rows"]),
        (False, False, None, ["predict: 1,000 rows", "predict: 3,000 rows"]),
        (False, True, 3000, []),
        (True, False, 3000, []),
    ],
)
def test_lines_tell_how_far_a_job_is_where_no_terminal_shows_a_bar(
    terminal, quiet, total, told, monkeypatch, caplog, capsys
):
    monkeypatch.setattr("sentiment.console.REPORT_EVERY", 0.0)
    monkeypatch.setenv("FORCE_COLOR", "1" if terminal else "")
    with caplog.at_level(logging.INFO, logger="sentiment.batch.progress"), Rows(quiet=quiet) as bar:
        task = bar.add_task("predict", total=total)
        bar.advance(task, 1000)
        bar.advance(task, 2000)
    assert [message.partition(" rows")[0] + " rows" for message in caplog.messages] == told
    assert all(message.endswith(" rows/s") for message in caplog.messages[1:])
    assert ("━" in capsys.readouterr().err) is terminal


def test_a_line_comes_no_sooner_than_it_is_due(caplog):
    with caplog.at_level(logging.INFO, logger="sentiment.batch.progress"), Rows(quiet=False) as bar:
        bar.advance(bar.add_task("predict", total=2), 1)
    assert caplog.messages == []
