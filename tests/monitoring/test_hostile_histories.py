"""Histories that a monitor must go on with rightly, or refuse in one line."""

import json
import multiprocessing
import shutil
from unittest.mock import ANY

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment.errors import DamagedFileError, DataError
from sentiment.monitoring.history import History
from tests.batch.echo import Echo
from tests.conftest import read_json
from tests.monitoring.echoed import days, run


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"by": None}, "was made with by=brand, now it is null"),
        ({"time_zone": "Europe/Berlin"}, "was made with time_zone=UTC, now it is Europe/Berlin"),
        ({"header": ("text", "time", "brand", "likes")}, r"columns=\[brand,text,time\], now it is .*likes"),
        ({"engine": lambda: Echo(version=2)}, "was made with model.version=null, now it is 2;"),
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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        (
            ("25/04/2026", None),
            ("04/25/2026", None),
            "was made with dates_have_first=day, now it is month",
        ),
        (
            ("03/04/2026", "%d/%m/%Y"),
            ("03/04/2026", "%m/%d/%Y"),
            "with time_format=%d/%m/%Y, now it is %m/%d/%Y",
        ),
    ],
)
def test_a_history_refuses_dates_that_are_read_otherwise_than_before(tmp_path, first, then, message):
    settings = {"history": tmp_path / "history"}
    run(tmp_path, [("text", first[0], "a")], time_format=first[1], **settings)
    with pytest.raises(DataError, match=message):
        run(tmp_path, [("text", then[0], "a")], time_format=then[1], **settings)
    assert sum(run(tmp_path, [("text", first[0], "a")], time_format=first[1], **settings)[0].values()) == 1


def test_a_history_that_is_none_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"history=.*/history is empty, and no row of .*in\.csv has a time"):
        run(tmp_path, [("", "2026-01-01", "a")], history=tmp_path / "history")
    (tmp_path / "history" / "monitor_history.json").write_text("[]")
    with pytest.raises(DamagedFileError, match=r"monitor_history\.json is damaged: it holds no object"):
        run(tmp_path, days(1), history=tmp_path / "history")
    with pytest.raises(DataError, match=r"^history=[^ ]*in\.csv is a file, no folder"):
        run(tmp_path, days(1), history=tmp_path / "in.csv")


def cut(part):
    part.write_bytes(part.read_bytes()[:50])


def replace(part):
    pq.write_table(pa.table({"a": [1]}), part)


@pytest.mark.parametrize("damage", [cut, replace])
def test_a_damaged_part_of_a_history_is_refused_and_its_day_may_be_given_again(tmp_path, damage):
    settings = {"history": tmp_path / "history"}
    run(tmp_path, days(1, 2), **settings)
    [part] = (tmp_path / "history" / "day=2026-01-01").iterdir()
    damage(part)
    with pytest.raises(DamagedFileError, match=r"parquet is no part of a history: .*; remove its folder"):
        run(tmp_path, days(1, 2), **settings)
    shutil.rmtree(part.parent)
    assert run(tmp_path, days(1, 2), **settings)[0] == {("2026-01-01", "all"): 12, ("2026-01-02", "all"): 12}


def test_a_history_that_kept_local_times_is_refused(tmp_path):
    settings = {"history": tmp_path / "history", "time_zone": "Europe/Berlin"}
    run(tmp_path, days(1), **settings)
    record = tmp_path / "history" / "monitor_history.json"
    record.write_text(json.dumps({key: value for key, value in read_json(record).items() if key != "times_stored_in"}))
    with pytest.raises(DataError, match="was made with times_stored_in=Europe/Berlin, now it is UTC; name another"):
        run(tmp_path, days(1, 2), **settings)
