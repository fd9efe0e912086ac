"""An output in parts: a folder that any reader of data sets opens, and a manifest by which ours is held to it."""

import json

import pandas as pd
import pyarrow.dataset as pads
import pytest

from sentiment.batch import predict
from sentiment.batch.source import Source
from sentiment.batch.verify import verify
from sentiment.data.label_form import ONE
from sentiment.data.readers import Columns
from sentiment.data.sources import Source as Labelled
from sentiment.errors import SentimentError
from sentiment.inference.checksums import file_digest
from sentiment.monitoring.command import monitor
from tests.batch.echo import Echo
from tests.batch.folders import HIDDEN, cut, run, texts, whole, write_source
from tests.conftest import read_csv, read_json


@pytest.fixture
def source(tmp_path):
    return write_source(tmp_path)


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
