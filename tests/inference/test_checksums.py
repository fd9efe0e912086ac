import hashlib
import shutil
import subprocess

import pytest

from sentiment.errors import ModelError
from sentiment.inference import checksums
from sentiment.inference.checksums import (
    SUMS,
    export_hash,
    file_names,
    read_checksums,
    replace_listed,
    update_checksums,
    verify_export,
    verify_files,
    write_checksums,
)


@pytest.fixture
def listed(tiny_run, tmp_path):
    export = shutil.copytree(tiny_run / "export", tmp_path / "run" / "export")
    write_checksums(export)
    return export


def test_coreutils_check_the_same_file(listed):
    done = subprocess.run(["sha256sum", "-c", SUMS], cwd=listed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(read_checksums(listed)) == set(file_names(listed)) >= {"config.json", "model.safetensors", "vocab.txt"}


def test_the_hash_is_of_what_decides_the_answers(listed):
    settings = ["preprocessing.json", "readability.json", "tokenizer.json", "tokenizer_config.json"]
    names = ["abstention.json", "config.json", "model.safetensors", *settings]
    lines = [f"{hashlib.sha256((listed / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    expected = hashlib.sha256("".join(lines).encode()).hexdigest()
    assert export_hash(listed) == verify_export(listed) == expected
    (listed / "README.md").write_text("another card")
    (listed / SUMS).unlink()
    assert export_hash(listed) == verify_export(listed) == expected
    (listed / "model-onnx.onnx").write_bytes(b"a graph")
    assert export_hash(listed) != expected


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


HARMS = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "flipped": flip,
}


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_each_harm_is_named_with_its_file_and_the_remedies(listed, name, harm):
    HARMS[harm](listed / name)
    said = {"missing": "is missing, but", "empty": "it is empty"}.get(harm, "its SHA-256 is")
    with pytest.raises(ModelError, match=rf"{name} .*{said}.*resume=.*accept=true") as raised:
        verify_export(listed)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "it is empty"),
        ("nonsense\n", "line 1 is not"),
        (f"{'0' * 64}  ../../etc/passwd\n", "line 1 is not"),
        (f"{'0' * 64}  /etc/passwd\n", "line 1 is not"),
        (b"\xff\xfe", "it is not UTF-8"),
    ],
)
def test_a_damaged_list_is_said_to_be_so(listed, content, said):
    (listed / SUMS).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ModelError, match=f"{SUMS} is damaged: {said}"):
        verify_export(listed)


def test_a_list_cut_between_two_lines_is_noticed(listed):
    lines = (listed / SUMS).read_text().splitlines(keepends=True)
    (listed / SUMS).write_text("".join(lines[:2]))
    with pytest.raises(ModelError, match=f"{SUMS} is cut short: it does not list"):
        verify_export(listed)


def test_a_file_is_replaced_with_a_passing_check_at_every_moment(listed, monkeypatch):
    path, checks = listed / "preprocessing.json", 0
    write = checksums.write_text

    def watched(target, text):
        nonlocal checks
        verify_export(listed)
        write(target, text)
        verify_export(listed)  # a kill here leaves this
        checks += 1

    monkeypatch.setattr(checksums, "write_text", watched)
    replace_listed(path, path.read_text() + "\n")
    assert checks == 3
    assert len(read_checksums(listed)["preprocessing.json"]) == 1


def test_only_the_named_lines_are_brought_up_to_date(listed):
    (listed / "model-onnx.onnx").write_bytes(b"a graph")
    update_checksums(listed, "model-onnx.onnx")
    assert "model-onnx.onnx" in read_checksums(listed)
    (listed / "model-onnx.onnx").unlink()
    update_checksums(listed, "model-onnx.onnx")
    assert "model-onnx.onnx" not in read_checksums(listed)
    flip(listed / "vocab.txt")
    update_checksums(listed, "model-onnx.onnx")
    with pytest.raises(ModelError, match=r"vocab\.txt is damaged"):
        verify_export(listed)


def test_files_below_a_run_are_listed_too(tmp_path):
    (tmp_path / ".hydra").mkdir()
    for name in ("metrics.json", ".hydra/config.yaml"):
        (tmp_path / name).write_text("{}")
    write_checksums(tmp_path, ["metrics.json", ".hydra/config.yaml", "gone.json"])
    verify_files(tmp_path, ["metrics.json", ".hydra/config.yaml", "unknown.json"])
    (tmp_path / ".hydra" / "config.yaml").write_text("[]")
    with pytest.raises(ModelError, match=r"\.hydra/config\.yaml is damaged"):
        verify_files(tmp_path, [".hydra/config.yaml"])
