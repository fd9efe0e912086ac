"""An archive is compared with its checksums before it is served, and one that would write elsewhere is refused."""

import io
import random
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from sentiment.data.text_folders import read_archive
from sentiment.errors import DataError, ServingError
from sentiment.inference.checksums import SUMS, export_hash, parse_checksums
from sentiment.inference.predictor import Predictor
from sentiment.serving.archive import package
from sentiment.serving.store import archives_to_serve, check_archive
from tests.inference.test_checksums import HARMS


@pytest.fixture(scope="module")
def mar(tiny_run, tmp_path_factory):
    return package(run=tiny_run, model_store=tmp_path_factory.mktemp("store"))


@pytest.fixture
def copy(mar, tmp_path):
    return Path(shutil.copy(mar, tmp_path))


def test_an_archive_lists_all_that_it_holds_and_has_the_hash_of_its_export(mar, tiny_run, tmp_path):
    with zipfile.ZipFile(mar) as zipped:
        assert set(parse_checksums(zipped.read(SUMS))) == set(zipped.namelist()) - {SUMS}
        zipped.extractall(tmp_path)
    assert Predictor.load(tmp_path).sha256 == export_hash(tmp_path) == export_hash(tiny_run / "export")


def test_an_archive_of_other_windows_has_another_hash(tiny_run, tmp_path):
    zipfile.ZipFile(package(run=tiny_run, model_store=tmp_path, window_step=8)).extractall(tmp_path / "out")
    assert Predictor.load(tmp_path / "out").preprocessing.window_step == 8
    assert export_hash(tmp_path / "out") != export_hash(tiny_run / "export")


@pytest.mark.parametrize("at", [0.02, 0.3, 0.5, 0.7, 0.9])
def test_flipped_bytes_are_noticed_wherever_they_are(copy, at):
    check_archive(copy)
    with open(copy, "r+b") as file:
        start = int(file.seek(0, 2) * at)
        file.seek(start)
        content = file.read(64)
        file.seek(start)
        file.write(bytes(byte ^ 0xFF for byte in content))
    with pytest.raises(ServingError, match=r"sentiment\.mar is (damaged|cut short or no arch).*package the run again"):
        archives_to_serve(copy.parent)


def rewritten(path, change):
    """The archive with its members changed, and CRCs that fit."""
    with zipfile.ZipFile(path) as zipped:
        members = {info.filename: zipped.read(info) for info in zipped.infolist()}
    change(members)
    with zipfile.ZipFile(path, "w") as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda members: members.update({"model.safetensors": b"other"}), "model.safetensors is not the file"),
        (lambda members: members.pop("tokenizer.json"), "tokenizer.json is missing"),
        (lambda members: members.update({SUMS: b"nonsense"}), "line 1 is not"),
        (lambda members: members.update({"../../evil.py": b""}), "'../../evil.py' would be written outside"),
        (lambda members: members.update({"/etc/evil": b""}), "'/etc/evil' would be written outside"),
        (lambda members: members.update({"..\\evil": b""}), "would be written outside"),
    ],
)
def test_what_was_changed_or_would_leave_its_folder_is_refused(copy, change, said):
    with pytest.raises(ServingError, match=said):
        check_archive(rewritten(copy, change))


def test_a_link_in_an_archive_is_refused(copy):
    with zipfile.ZipFile(copy, "a") as zipped:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        zipped.writestr(info, "/etc/passwd")
    with pytest.raises(ServingError, match="'link' would be written outside"):
        check_archive(copy)


def test_an_archive_of_another_tool_is_held_to_its_crc_alone(copy):
    rewritten(copy, lambda members: members.pop(SUMS))
    check_archive(copy)
    with open(copy, "r+b") as file:
        file.seek(file.seek(0, 2) // 2)
        file.write(b"\0" * 32)
    with pytest.raises(ServingError, match="is damaged"):
        check_archive(copy)


KILLED = """
import os, signal, sys
from pathlib import Path
from sentiment.serving import archive as packaging
packaging.write_zip = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
packaging.package(run=Path(sys.argv[1]), model_store=Path(sys.argv[2]))
"""


def test_a_killed_package_leaves_nothing_in_the_temporary_folder_and_is_swept(tiny_run, tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    store = tmp_path / "store"
    command = [sys.executable, "-c", KILLED, str(tiny_run), str(store)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -9
    assert list((tmp_path / "tmp").iterdir()) == []
    assert len(list(store.iterdir())) == 1
    from sentiment.files import sweep_once

    sweep_once.cache_clear()
    package(run=tiny_run, model_store=store)
    assert [path.name for path in store.iterdir()] == ["sentiment.mar"]


def tar(path, *members):
    with tarfile.open(path, "w:gz") as archive:
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.type, info.size = kind, len(content) if kind == tarfile.REGTYPE else 0
            info.linkname = "/etc/passwd" if kind != tarfile.REGTYPE else ""
            archive.addfile(info, io.BytesIO(content))
    return path


def test_a_tar_of_texts_is_read_in_memory_without_its_links_and_ways_out(tmp_path):
    honest = [("x/train/pos/1.txt", b"good", tarfile.REGTYPE), ("x/train/neg/1.txt", b"bad", tarfile.REGTYPE)]
    hostile = [("train/pos/2.txt", b"", tarfile.SYMTYPE), ("train/pos/3.txt", b"", tarfile.LNKTYPE)]
    hostile += [("../../evil.txt", b"evil", tarfile.REGTYPE)]
    rows = read_archive(tar(tmp_path / "a.tar.gz", *honest, *hostile), {"train": ["train"]})
    assert sorted(rows["train"].texts) == ["bad", "good"]
    assert not list(tmp_path.parent.glob("evil*"))


def test_a_member_as_large_as_no_text_is_refused_before_it_is_unpacked(tmp_path):
    huge = ("train/pos/1.txt", b"a" * ((16 << 20) + 1), tarfile.REGTYPE)
    with pytest.raises(DataError, match="train/pos/1.txt has 16,777,217 bytes"):
        read_archive(tar(tmp_path / "a.tar.gz", huge), {"train": ["train"]})


@pytest.mark.parametrize("harm", ["cut", "flipped"])
def test_a_damaged_tar_is_one_line(tmp_path, harm):
    noise = [(f"train/pos/{i}.txt", random.Random(i).randbytes(999).hex().encode(), tarfile.REGTYPE) for i in range(50)]
    path = tar(tmp_path / "a.tar.gz", *noise)
    HARMS[harm](path)
    with pytest.raises(DataError, match="not readable as a tar archive"):
        read_archive(path, {"train": ["train"]})
