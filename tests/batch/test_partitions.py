"""An output in parts: a folder that any reader of data sets opens, and a manifest by which ours is held to it."""

import json
import os
import subprocess
import sys

import pandas as pd
import pyarrow.dataset as pads
import pytest

from sentiment.batch import predict
from sentiment.batch.plan import chunk_of
from sentiment.batch.source import Source
from sentiment.batch.verify import verify
from sentiment.data.label_form import ONE
from sentiment.data.readers import Columns
from sentiment.data.sources import Source as Labelled
from sentiment.errors import DataError, RowsRejectedError, SentimentError
from sentiment.inference.checksums import file_digest
from sentiment.monitoring.command import monitor
from tests.batch.echo import Echo
from tests.batch.test_identity import Broken
from tests.conftest import ROOT, read_csv, read_json, write_csv
from tests.stores import SECRETS

HIDDEN = ["_manifest.json", "_rejects.csv"]


@pytest.fixture
def source(tmp_path):
    """40 rows, of which the second ten cannot be scored."""
    rows = [(" " if 10 <= i < 20 else f"text {i}\n", i, "a") for i in range(40)]
    return write_csv(tmp_path / "in.csv", rows, header=("text", "id", "label"))


def run(source, output, engine=None, **settings):
    with pytest.raises(RowsRejectedError, match=r"10 of 40 rows could not be scored.*_rejects.csv"):
        predict(input=source, output=output, engine=engine or Echo(), quiet=True, **{"chunk": 10} | settings)


def whole(source, tmp_path, **settings):
    """Return the same rows as one file."""
    with pytest.raises(RowsRejectedError):
        predict(input=source, output=tmp_path / "whole.csv", engine=Echo(), quiet=True, chunk=7, **settings)
    return read_csv(tmp_path / "whole.csv")


def texts(rows):
    return [{name: "" if pd.isna(value) else str(value) for name, value in row.items()} for row in rows]


@pytest.mark.parametrize("name", ["o", "a b é", "day.2026", "o.csv", "o.tsv.gz", "o.jsonl.zst", "o.parquet"])
def test_a_folder_is_one_table(source, tmp_path, name):
    folder = tmp_path / "new" / name
    run(source, f"{folder}/", prefix="m_")
    suffix = name.partition(".")[2] if "o." in name else "parquet"
    parts = [f"part-000000{i}.{suffix}" for i in range(4)]
    assert sorted(path.name for path in folder.iterdir()) == [*HIDDEN, *parts]
    manifest = read_json(folder / "_manifest.json")
    assert manifest["output"]["parts"] == [
        {"file": name, "rows": 10, "bytes": (folder / name).stat().st_size, "sha256": file_digest(folder / name)}
        for name in parts
    ]
    assert (manifest["rows"], manifest["rejected"], manifest["model"]["engine"]) == (40, 10, "echo")
    assert [row["row"] for row in read_csv(folder / "_rejects.csv")] == [str(i) for i in range(11, 21)]
    rows = texts(Source.open(str(folder), text_column=None))
    assert rows == whole(source, tmp_path, prefix="m_")
    verify(output=folder, sample=0)


def test_readers_of_data_sets_see_the_rows_alone(source, tmp_path):
    run(source, f"{tmp_path}/o/")
    expected = whole(source, tmp_path)
    assert texts(pd.read_parquet(tmp_path / "o").to_dict("records")) == expected
    assert texts(pads.dataset(tmp_path / "o").to_table().to_pylist()) == expected
    run(source, f"{tmp_path}/o.csv/")
    assert pads.dataset(tmp_path / "o.csv", format="csv").count_rows() == 40


def test_parts_of_parquet_have_one_schema_and_the_values_of_one_file(tmp_path):
    """No value of the first part tells that a later one is not null, a fraction, or beyond a double."""
    values = {"n": [None, 1, 1.5, 2], "wide": [None, 1, 0.5, 2**60 + 1], "mixed": [1, None, "x", {}]}
    lines = [{"text": f"t {i}"} | {name: some[i // 10] for name, some in values.items()} for i in range(40)]
    source = tmp_path / "in.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    for output in (f"{tmp_path}/o/", tmp_path / "o.one.parquet"):
        predict(input=source, output=output, engine=Echo(), quiet=True, chunk=10)
    assert len({str(pads.dataset(path).schema) for path in (tmp_path / "o").glob("part-*")}) == 1
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "o"), pd.read_parquet(tmp_path / "o.one.parquet"))
    changes = [
        read_json(tmp_path / name)["changed_values"] for name in ("o/_manifest.json", "o.one.parquet.summary.json")
    ]
    assert changes[0] == changes[1]
    verify(output=tmp_path / "o", sample=0)


def test_an_input_without_rows_is_a_table_without_rows(tmp_path):
    (tmp_path / "in.csv").write_text("text,id\n")
    predict(input=tmp_path / "in.csv", output=f"{tmp_path}/o/", engine=Echo())
    found = pd.read_parquet(tmp_path / "o")
    assert (len(found), list(found)[:3]) == (0, ["text", "id", "prediction"])
    assert Source.open(f"{tmp_path}/o", text_column=None).rows == 0


def cut(folder):
    part = folder / "part-0000001.parquet"
    part.write_bytes(part.read_bytes()[:-20])


def flip(folder):
    part = folder / "part-0000001.parquet"
    part.write_bytes(part.read_bytes().replace(b"PAR1", b"PAR2", 1))


def swap(folder):
    """Two parts of which each is whole."""
    first, second = (folder / f"part-000000{i}.parquet" for i in (2, 3))
    first.rename(folder / "_x"), second.rename(first), (folder / "_x").rename(second)


def edit(old, new):
    def change(folder):
        path = folder / "_manifest.json"
        path.write_text(path.read_text().replace(old, new))

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, r"was changed or cut short: part-0000001.parquet has [\d,]+ bytes, its _manifest.json says"),
        (flip, "the SHA-256 of part-0000001.parquet is .*; restore it, or predict with overwrite=true"),
        (swap, r"the SHA-256 of part-0000002.parquet is .*\(and 1 more\)|part-0000002.parquet has"),
        (lambda folder: (folder / "part-0000003.parquet").unlink(), "part-0000003.parquet is missing"),
        (lambda folder: (folder / "x.parquet").touch(), "also holds x.parquet, which its _manifest.json does not name"),
        (lambda folder: (folder / "day=1").mkdir(), "also holds day=1"),
        (lambda folder: (folder / "_manifest.json").write_text("{"), "_manifest.json is damaged"),
        (lambda folder: (folder / "_manifest.json").write_text("[]"), "expected a JSON object|is no summary"),
        (edit("part-0000000.parquet", "../in.csv"), "is no manifest of this version"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_what_its_manifest_says_is_refused_by_every_reader(source, tmp_path, damage, message):
    folder = tmp_path / "o"
    run(source, f"{folder}/")
    damage(folder)
    readers = [
        lambda: monitor(input=str(folder), output=tmp_path / "m", engine=Echo, quiet=True),
        lambda: Labelled(test=folder).read(Columns("text", "label", None, ONE)),
        lambda: predict(input=folder, output=tmp_path / "x.csv", engine=Echo(), prefix="m_"),
        lambda: verify(output=folder, sample=0),
    ]
    for reader in readers:
        with pytest.raises(SentimentError, match=message):
            reader()


def test_a_monitor_and_an_evaluation_read_a_folder(source, tmp_path, monkeypatch):
    run(source, f"{tmp_path}/o/")
    monitor(input=f"{tmp_path}/o", output=tmp_path / "m", engine=None, quiet=True)
    assert read_csv(tmp_path / "m" / "shares.csv")[0]["texts"] == "30"
    rows = Labelled(test=tmp_path / "o").read(Columns("id", "label", None, ONE))["test"]
    assert len(rows) == 40


@pytest.mark.parametrize(
    ("there", "output", "message"),
    [
        ("o/mine.parquet", "o/", "o/ holds mine.parquet, which is no part of this output; name a new or empty folder"),
        ("o/part-0000000.csv", "o/", "holds part-0000000.csv"),
        ("o/part-0000000.parquet", "o/", "holds parts of a job that it does not name; set overwrite=true"),
        ("o/day=1/x", "o/", "o/ holds day=1"),
        ("o", "o/", "o/ is a file; name a folder"),
        ("o/x", "o", "o is a folder; name a file in it, such as .*predictions.csv, or .*o/ to have it filled"),
        ("x", "o.xlsx/", r"o.xlsx/: parts are .csv, .tsv, .jsonl, .ndjson, .parquet; name the folder so"),
        ("x", "o.parquet.gz/", "compresses by itself"),
        ("x", "./", "holds in.csv"),
    ],
)
def test_no_other_folder_is_filled(source, tmp_path, there, output, message):
    (tmp_path / there).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / there).touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=message):
        predict(input=source, output=f"{tmp_path}/{output}", engine=Echo(), chunk=10)
    assert [path for path in sorted(tmp_path.rglob("*")) if "_job" not in str(path)] == before


def test_the_folder_of_another_job_is_named_and_replaced_where_asked(source, tmp_path):
    folder = tmp_path / "o"
    run(source, f"{folder}/", Echo(export="a" * 64), chunk=5)
    with pytest.raises(DataError, match=r"model.export was aaaaaaaaaaaa..., is bbbbbbbbbbbb.*overwrite=true"):
        predict(input=source, output=f"{folder}/", engine=Echo(export="b" * 64), chunk=5)
    verify(output=folder, sample=0)  # it is as it was
    run(source, f"{folder}/", Echo(export="b" * 64), chunk=20, overwrite=True)
    assert sorted(path.name for path in folder.glob("part-*")) == [f"part-000000{i}.parquet" for i in range(2)]
    verify(output=folder, sample=0)


def test_a_job_that_is_done_is_not_done_again(source, tmp_path, caplog):
    caplog.set_level("INFO")
    run(source, f"{tmp_path}/o/")
    again = Echo()
    run(source, f"{tmp_path}/o", again)  # the folder is known by its manifest
    assert len(again.texts) == 1  # the canary
    assert "is complete, and made by this very job" in caplog.text
    cut_part = tmp_path / "o" / "part-0000001.parquet"
    cut_part.write_bytes(b"")
    with pytest.raises(DataError, match="part-0000001.parquet has 0 bytes"):
        predict(input=source, output=f"{tmp_path}/o/", engine=Echo(), chunk=10)
    run(source, f"{tmp_path}/o/", overwrite=True)


def test_a_job_that_was_stopped_goes_on_and_no_reader_takes_its_folder(source, tmp_path):
    with pytest.raises(OSError, match="No space"):
        predict(input=source, output=f"{tmp_path}/o/", engine=Broken(4), chunk=10)
    with pytest.raises(DataError, match="has no _manifest.json: the job that fills it has not ended; give its command"):
        Source.open(f"{tmp_path}/o", text_column=None)
    cut(tmp_path / "o")
    again = Echo()
    run(source, f"{tmp_path}/o/", again)
    assert again.texts[1:] == [f"text {i}\n" for i in range(30, 40)]  # of the part cut, no row had been scored
    assert texts(pd.read_parquet(tmp_path / "o").to_dict("records")) == whole(source, tmp_path)


def test_a_part_that_is_cut_while_the_job_runs_is_made_again(source, tmp_path):
    class Damaging(Echo):
        def predict(self, texts):
            if texts[0] == "text 30\n":
                cut(tmp_path / "o")
            return super().predict(texts)

    run(source, f"{tmp_path}/o/", Damaging())
    assert texts(pd.read_parquet(tmp_path / "o").to_dict("records")) == whole(source, tmp_path)


def test_two_jobs_cannot_fill_one_folder(source, tmp_path):
    class Second(Echo):
        def predict(self, texts):
            if len(texts) > 1:
                with pytest.raises(DataError, match="another job writes .*_job; let it end, or choose another output"):
                    predict(input=source, output=f"{tmp_path}/o/", engine=Echo(), chunk=10)
            return super().predict(texts)

    run(source, f"{tmp_path}/o/", Second())


def test_a_full_disk_is_one_line_and_the_job_goes_on(source, tmp_path):
    """A limit on the size of a file, which the kernel enforces: at the second part, then at the manifest."""
    command = [sys.executable, "-m", "tests.batch.echo", str(source), f"{tmp_path}/o.csv/"]
    limited = [
        subprocess.run(
            ["bash", "-c", f'ulimit -f {blocks}; exec "$@"', "-", *command], cwd=ROOT, capture_output=True, text=True
        )
        for blocks in (0, 1)
    ]
    assert all(done.returncode for done in limited)
    assert subprocess.run(command, cwd=ROOT).returncode == 3
    assert texts(Source.open(f"{tmp_path}/o.csv", text_column=None)) == whole(source, tmp_path)


def test_a_folder_that_takes_no_files_is_told_before_the_work(source, tmp_path, monkeypatch):
    (tmp_path / "o").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(tmp_path / "o"))  # root may write anywhere
    engine = Echo()
    with pytest.raises(PermissionError):
        predict(input=source, output=f"{tmp_path}/o/", engine=engine)
    assert engine.texts == []


def test_a_folder_in_a_store_is_that_on_disk(s3, source, tmp_path, caplog):
    s3.put_file(str(source), "texts/in p.csv")
    run(source, f"{tmp_path}/o é/")
    caplog.set_level("DEBUG")
    for _ in range(2):
        run("s3://texts/in p.csv", "s3://texts/scored/o é/")
    names = [path.rpartition("/")[2] for path in s3.find("texts/scored/o é")]
    assert names == [*HIDDEN, *(f"part-000000{i}.parquet" for i in range(4))]
    for name in names[1:]:
        assert s3.cat(f"texts/scored/o é/{name}") == (tmp_path / "o é" / name).read_bytes()
    verify(output="s3://texts/scored/o é", sample=0)
    assert Source.open("s3://texts/scored/o é", text_column=None).rows == 40
    assert not any(secret in caplog.text for secret in SECRETS.values())
    s3.pipe("texts/scored/o é/part-0000002.parquet", b"torn")
    with pytest.raises(DataError, match="part-0000002.parquet has 4 bytes, its _manifest.json says"):
        Source.open("s3://texts/scored/o é", text_column=None)
    with pytest.raises(DataError, match="model.export was nothing, is bbbbbbbbbbbb"):
        predict(input=source, output="s3://texts/scored/o é/", engine=Echo(export="b" * 64), chunk=10)


def test_a_second_job_on_a_folder_in_a_store_ends_the_first(memory, source):
    class Overtaken(Echo):
        def predict(self, texts):
            if texts[0] == "text 30\n":
                run(source, "memory://o/", Echo(export="b" * 64), overwrite=True)
            return super().predict(texts)

    with pytest.raises(DataError, match="another job has begun to write memory://o/_job, or it was removed"):
        predict(input=source, output="memory://o/", engine=Overtaken(export="a" * 64), chunk=10, quiet=True)


def test_parts_of_large_tables_are_large():
    assert [chunk_of(rows, partitioned=True) for rows in (0, 10**5, 10**6, 10**9, None)] == [
        1024, 1024, 3906, 32768, 32768,
    ]  # fmt: skip
    assert chunk_of(10**9, partitioned=False) == 1024
