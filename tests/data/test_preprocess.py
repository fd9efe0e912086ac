import csv

import pytest

from sentiment.cli import main
from tests.conftest import read_json, write_csv


def test_raw_files_become_cleaned_splits_and_a_report(tmp_path):
    rows = [(f"so <br /> good &amp; {i} @me", "pos") if i % 2 else (f"bad {i}", "neg") for i in range(40)]
    source = write_csv(tmp_path / "raw.csv", [*rows, rows[0]], header=("review", "stars"))
    main(
        ["preprocess", "data=files", f"data.train={source}", "data.text_column=review", "data.label_column=stars"]
        + ["data.validation_fraction=0.2", f"into={tmp_path}/out"]
    )
    with (tmp_path / "out" / "train.csv").open(newline="", encoding="utf-8") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert "so good & 1 @user" in texts or "so good & 3 @user" in texts
    report = read_json(tmp_path / "out" / "report.json")
    assert report["splits"]["train"]["rows"] + report["splits"]["validation"]["rows"] == 41
    assert report["splits"]["validation"]["labels"] == {"neg": 4, "pos": 4}


def test_a_command_leaves_nothing_but_its_output_and_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["preprocess", "into=out"])
    assert sorted(path.name for path in tmp_path.iterdir()) == [".cache", "out"]


@pytest.mark.slow
def test_the_output_is_data_to_train_on(tmp_path):
    main(["preprocess", f"into={tmp_path}/out"])
    main(["preprocess", "data=files", f"data.dir={tmp_path}/out", f"into={tmp_path}/again"])
    first, again = (read_json(tmp_path / name / "report.json")["splits"] for name in ("out", "again"))
    for name, split in first.items():
        other = {"sha256": None, "files": None}  # the hash is of the raw texts, the files are others
        assert {**split, **other} == {**again[name], **other}
