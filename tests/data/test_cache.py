"""A token cache that is damaged, foreign or out of reach costs a line and the time to make it again, never a run."""

import shutil
from threading import Event, Thread

import pytest
from datasets import Dataset

from sentiment.data import cache, tokenized
from sentiment.data.cache import load_or_build
from sentiment.data.module import SentimentData
from sentiment.inference.checksums import SUMS, write_checksums
from tests.inference.test_checksums import HARMS

ROWS = 40


def make():
    return Dataset.from_dict(
        {"input_ids": [[1, i] for i in range(ROWS)], "tokens": [2] * ROWS, "label": [i % 2 for i in range(ROWS)]}
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "key"


def foreign(folder):
    shutil.rmtree(folder)
    Dataset.from_dict({"text": ["a"]}).save_to_disk(str(folder))
    write_checksums(folder)


def shorter(folder):
    shutil.rmtree(folder)
    make().select(range(3)).save_to_disk(str(folder))
    write_checksums(folder)


def a_file(folder):
    shutil.rmtree(folder)
    folder.write_text("no folder")


WHOLE = {"foreign": foreign, "shorter": shorter, "a_file": a_file, "unlisted": lambda folder: (folder / SUMS).unlink()}


@pytest.mark.parametrize("harm", [*HARMS, *WHOLE])
def test_a_damaged_cache_is_made_again_with_one_line(path, caplog, harm):
    assert load_or_build(path, make, rows=ROWS)["input_ids"] == make()["input_ids"]
    if harm in WHOLE:
        WHOLE[harm](path)
    else:
        [arrow] = path.glob("*.arrow")
        HARMS[harm](arrow)
    caplog.clear()
    assert load_or_build(path, make, rows=ROWS)["input_ids"] == make()["input_ids"]
    [line] = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert "is damaged" in line
    assert "tokenizing again" in line
    caplog.clear()
    made = []
    load_or_build(path, lambda: made.append(1) or make(), rows=ROWS)
    assert made == []
    assert caplog.records == []


@pytest.mark.parametrize("file", ["state.json", "dataset_info.json", SUMS])
def test_so_are_its_other_files(path, caplog, file):
    load_or_build(path, make, rows=ROWS)
    for harm in ("empty", "cut", "flipped"):
        HARMS[harm](path / file)
        assert len(load_or_build(path, make, rows=ROWS)) == ROWS
    assert caplog.text.count("tokenizing again") == 3


def test_a_cache_that_cannot_be_written_leaves_the_tokens_in_memory(tmp_path, caplog):
    (tmp_path / "cache").write_text("a file in its place")
    assert len(load_or_build(tmp_path / "cache" / "key", make, rows=ROWS)) == ROWS
    assert "cannot be written (" in caplog.text
    assert "stay in memory" in caplog.text


def test_a_full_disk_too_and_what_was_made_is_not_made_twice(path, caplog, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Dataset, "save_to_disk", full)
    made = []
    assert len(load_or_build(path, lambda: made.append(1) or make(), rows=ROWS)) == ROWS
    assert made == [1]
    assert "(No space left on device)" in caplog.text
    assert not path.exists()


def test_a_read_only_cache_is_read(path, monkeypatch):
    load_or_build(path, make, rows=ROWS)

    def locked(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(cache, "locked", locked)
    made = []
    assert len(load_or_build(path, lambda: made.append(1) or make(), rows=ROWS)) == ROWS
    assert made == []


def test_the_data_module_mends_its_cache(tiny_backbone, corpus, tmp_path, caplog):
    options = {"backbone": tiny_backbone, "cache_dir": tmp_path / "cache", "dir": corpus, "max_length": 32}
    first = SentimentData(**options)
    first.setup()
    before = list(first._tokenized["train"]["input_ids"])
    for arrow in (tmp_path / "cache").rglob("*.arrow"):
        HARMS["flipped"](arrow)
    again = SentimentData(**options)
    again.setup()
    assert caplog.text.count("tokenizing again") == 2  # validation and test have the same texts
    assert list(again._tokenized["train"]["input_ids"]) == before
    assert tokenized.TOKENIZED == 3  # earlier caches have no SHA256SUMS


def test_a_dataset_that_takes_long_keeps_no_other_waiting(path):
    begun, go_on = Event(), Event()

    def make_slowly():
        begun.set()
        assert go_on.wait(60)
        return make()

    slow = Thread(target=load_or_build, args=(path, make_slowly), kwargs={"rows": ROWS})
    other = Thread(target=load_or_build, args=(path.with_name("other"), make), kwargs={"rows": ROWS}, daemon=True)
    slow.start()
    assert begun.wait(60)
    other.start()
    other.join(60)
    stands = path.with_name("other").is_dir()
    go_on.set()
    slow.join(60)
    assert stands
    assert path.is_dir()
