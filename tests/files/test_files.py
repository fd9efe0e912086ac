import errno
import os
import subprocess
import sys

import pytest

from sentiment import files
from sentiment.data.csv_output import write_csv
from sentiment.errors import DataError, user_error
from sentiment.files import put_in_place, replacing, temporary, write_json


def test_a_failure_leaves_the_former_file_and_no_scraps(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("former")

    def fail():
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        fail()
    assert target.read_text() == "former"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_folder_takes_the_place_of_a_folder(tmp_path):
    target = tmp_path / "out"
    for name in ("first", "second"):
        with replacing(target, marker="ours") as temporary:
            temporary.mkdir()
            (temporary / "ours").touch()
            (temporary / name).touch()
    assert sorted(os.listdir(target)) == ["ours", "second"]
    assert os.listdir(tmp_path) == ["out"]


def test_a_folder_that_cannot_be_put_in_place_leaves_the_former(tmp_path, monkeypatch):
    target, rename = tmp_path / "out", os.replace
    target.mkdir()
    (target / "ours").write_text("former")

    def fail(source, to):
        if str(to) == str(target) and ".former." not in str(source):
            assert not target.exists(), "the former one was renamed away whole, not deleted"
            raise OSError(5, "Input/output error")
        rename(source, to)

    monkeypatch.setattr(os, "replace", fail)
    new = tmp_path / "new"
    new.mkdir()
    with pytest.raises(OSError, match="Input/output"):
        put_in_place(new, target, marker="ours")
    assert (target / "ours").read_text() == "former"
    assert sorted(os.listdir(tmp_path)) == ["new", "out"]


def test_a_number_that_is_none_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"accuracy": float("nan")})
    assert os.listdir(tmp_path) == []


def test_a_file_or_a_foreign_folder_is_never_put_in_the_place_of_a_folder(tmp_path):
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years")
    for marker in (None, "report.html"):
        with pytest.raises(DataError, match=r"mine is a folder"), replacing(mine, marker=marker):
            raise AssertionError("refused before the work")
    assert (mine / "thesis.txt").read_text() == "years"
    assert os.listdir(tmp_path) == ["mine"]


def test_a_folder_that_appears_during_the_work_stays(tmp_path):
    target = tmp_path / "out.csv"

    def write():
        with replacing(target) as temporary:
            temporary.write_text("text")
            target.mkdir()

    with pytest.raises(DataError, match="is a folder"):
        write()
    assert os.listdir(tmp_path) == ["out.csv"]


def test_a_symbolic_link_stays_and_its_file_is_replaced(tmp_path):
    real = tmp_path / "disk" / "out.csv"
    real.parent.mkdir()
    (tmp_path / "out.csv").symlink_to(real)
    write_csv(tmp_path / "out.csv", [["a"]])
    assert (tmp_path / "out.csv").is_symlink()
    assert real.read_text() == "a\n"


def test_bytes_and_name_are_on_the_disk_before_and_after_the_rename(tmp_path, monkeypatch):
    events = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: events.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (events.append("rename"), replace(*paths)))
    write_json(tmp_path / "a.json", {})
    assert events[0].startswith(f"{tmp_path}/.a.json.")
    assert events[1:] == ["rename", str(tmp_path)]


def killed(folder, name, *, host=temporary.HOST):
    """What a process that was killed leaves: its number is free again."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = folder / f".{name}.{host}.{gone.pid}.tmp"
    left.mkdir()
    (left / "half").touch()
    return left


def test_what_a_killed_process_left_is_swept_when_its_folder_is_written_to(tmp_path):
    left, elsewhere = killed(tmp_path, "a.mar"), killed(tmp_path, "b.mar", host="another-machine")
    alive = tmp_path / f".c.mar.{temporary.HOST}.{os.getppid()}.tmp"
    alive.touch()
    files.sweep_once.cache_clear()
    write_json(tmp_path / "other.json", {})
    assert not left.exists()
    assert elsewhere.exists()  # its process may well be alive
    assert alive.exists()


def test_a_full_disk_is_said_with_the_file_that_it_could_not_take(tmp_path):
    def fail():
        with replacing(tmp_path / "a.mar"):
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as raised:
        fail()
    assert str(user_error(raised.value)) == f"No space left on device: {tmp_path / 'a.mar'}"


def test_the_work_of_a_killed_process_is_gone_next_time(tmp_path):
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom sentiment.files import scratch_folder\n"
        "with scratch_folder(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'weights').write_bytes(b'x' * 1000)\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    target = tmp_path / "sentiment.mar"
    assert subprocess.run([sys.executable, "-c", code, str(target)], check=False).returncode == -9
    assert len(list(tmp_path.iterdir())) == 1
    files.sweep_once.cache_clear()
    with files.scratch_folder(target) as folder:
        assert list(tmp_path.iterdir()) == [folder]
    assert list(tmp_path.iterdir()) == []
