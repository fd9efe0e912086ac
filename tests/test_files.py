import os

import pytest

from sentiment.files import replacing, write_json


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
        with replacing(target) as temporary:
            temporary.mkdir()
            (temporary / name).touch()
    assert os.listdir(target) == ["second"]
    assert os.listdir(tmp_path) == ["out"]


def test_a_number_that_is_none_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"accuracy": float("nan")})
    assert os.listdir(tmp_path) == []
