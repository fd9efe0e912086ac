"""A server's folder: one server at a time, and nothing of anybody else's is removed."""

import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sentiment.errors import ServingError
from sentiment.serving.folder import LOCK, LONGEST, Folder


def test_a_folder_is_one_servers_until_it_is_released(short_path):
    first = Folder(short_path / "serve")
    first.claim()
    with pytest.raises(ServingError, match=rf"belongs to a server that runs, process {os.getpid()}; stop it with"):
        Folder(short_path / "serve").claim()
    first.release()
    second = Folder(short_path / "serve")
    second.claim()
    second.release()


def test_the_lock_of_a_killed_server_is_stale_at_once(short_path):
    code = "import os, sys; from pathlib import Path; from sentiment.serving.folder import Folder; "
    code += "Folder(Path(sys.argv[1])).claim(); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code, str(short_path / "serve")]).returncode == -9
    assert (short_path / "serve" / LOCK).read_text().strip().isdigit()
    folder = Folder(short_path / "serve")
    folder.claim()
    folder.release()


@pytest.mark.parametrize("name", ["logs", "tmp", "config.properties"])
def test_a_folder_with_anothers_files_of_these_names_is_refused_and_left_alone(short_path, name):
    theirs = short_path / name
    if "." in name:
        theirs.write_text("theirs")
    else:
        theirs.mkdir()
        (theirs / "theirs.txt").write_text("theirs")
    with pytest.raises(ServingError, match=f"holds {name} that no server of sentiment serve wrote; set work_dir="):
        Folder(short_path).claim()
    assert list(short_path.iterdir()) == [theirs]


def test_what_else_lies_in_a_servers_folder_stays(short_path):
    folder = Folder(short_path)
    (short_path / "notes.txt").write_text("mine")
    folder.claim()
    folder.clear()
    (short_path / "logs" / "kept.tar").write_text("mine")
    for name in ("ts_log.log", "ts_log.1.log.gz"):
        (short_path / "logs" / name).write_text("of the former server")
    (short_path / "tmp" / "models").mkdir()
    folder.clear()
    folder.release()
    assert (short_path / "notes.txt").read_text() == "mine"
    assert [path.name for path in (short_path / "logs").iterdir()] == ["kept.tar"]
    assert list((short_path / "tmp").iterdir()) == []
    assert [(short_path / name).stat().st_mode & 0o777 for name in ("logs", "tmp")] == [0o700, 0o700]


def test_a_new_folder_is_for_its_user_alone(short_path):
    folder = Folder(short_path / "outputs" / "serve")
    folder.claim()
    with folder.open_console() as console:
        console.write(b"Picked up a variable")
    folder.release()
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.console.stat().st_mode & 0o777 == 0o600


def test_a_folder_of_the_time_before_there_was_a_lock_is_taken(short_path):
    for name in ("config.properties", "log4j2.xml", "metrics.yaml"):
        (short_path / name).write_text("")
    (short_path / "logs").mkdir()
    folder = Folder(short_path)
    folder.claim()
    folder.release()


def test_a_link_is_never_followed_to_what_it_names(short_path):
    (short_path / "elsewhere").mkdir()
    (short_path / "elsewhere" / "theirs.txt").write_text("theirs")
    folder = Folder(short_path / "serve")
    folder.claim()
    (short_path / "serve" / "tmp").symlink_to(short_path / "elsewhere")
    with pytest.raises(ServingError, match="tmp is a link; remove it"):
        folder.clear()
    folder.release()
    assert (short_path / "elsewhere" / "theirs.txt").exists()


def test_a_folder_that_cannot_be_made_is_said_with_the_key(short_path):
    (short_path / "file").write_text("")
    with pytest.raises(ServingError, match="work_dir=.*/serve cannot be written: Not a directory; set work_dir=PATH"):
        Folder(short_path / "file" / "serve").claim()


def test_a_path_that_is_too_long_for_the_workers_sockets_is_refused():
    """In a folder as long as may be, a worker's socket can be made."""
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        longest = Path(short) / ("d" * (LONGEST - len(short) - 1))
        folder = Folder(longest)
        folder.claim()
        folder.clear()
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(folder.tmp / ".ts.sock.9000"))
        folder.release()
        with pytest.raises(
            ServingError, match=f"has {LONGEST + 1} bytes as a full path, .*; set work_dir to a shorter"
        ):
            Folder(Path(f"{longest}d")).claim()
