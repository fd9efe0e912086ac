"""`sentiment verify`: an output beside its summary, and beside what its model says today."""

import json
import logging
import shutil

import pyarrow.parquet as pq
import pytest

from sentiment.batch import predict
from sentiment.batch.verify import verify
from sentiment.cli import main
from sentiment.errors import ConfigError, DataError, ModelError, RowsRejectedError, VerificationError
from sentiment.files import write_json
from sentiment.inference.checksums import file_digest
from sentiment.inference.predictor import Predictor
from tests.batch.echo import Echo
from tests.conftest import read_json, write_csv

TEXTS = ["good film", "=bad film", "-3.5", "bad\rfilm", " ", "'=good", "x" * 40_000, "good \x0b film"]


@pytest.fixture
def source(tmp_path):
    rows = [(f"{text}{' and' * i}" if text.strip() else text, str(i)) for i, text in enumerate(TEXTS)]
    return write_csv(tmp_path / "in.csv", rows, header=("text", "id"))


@pytest.fixture(autouse=True)
def heard(caplog):
    caplog.set_level(logging.INFO)
    return caplog


def made(engine, source, output, **settings):
    with pytest.raises(RowsRejectedError, match="1 of 8"):
        predict(input=source, output=output, engine=engine, **settings)
    return output


@pytest.mark.parametrize("prefix", ["", "m_"])
@pytest.mark.parametrize("name", ["out.csv", "out.tsv.gz", "out.jsonl", "out.jsonl.zst", "out.parquet", "out.xlsx"])
def test_every_format_is_verified(engine, source, tmp_path, name, prefix, heard):
    safe = name in ("out.csv", "out.xlsx")
    verify(output=made(engine, source, tmp_path / name, prefix=prefix, spreadsheet_safe=safe))
    rows = 6 if name == "out.xlsx" else 8  # a text was cut there, and one held a control character
    assert f"sample: {rows} rows scored again agree" in heard.text
    assert "is as it was written, 8 rows" in heard.text
    assert "in.csv is what was predicted" in heard.text


def test_the_summary_names_all_that_made_the_output(engine, tiny_run, source, tmp_path):
    summary = read_json(made(engine, source, tmp_path / "out.csv").with_name("out.csv.summary.json"))
    assert summary["model"]["run"] == str(tiny_run)
    assert summary["model"]["backbone"] == read_json(tiny_run / "run_summary.json")["backbone"]
    assert summary["model"]["export"] == engine.sha256
    assert summary["input"] == [
        {"path": str(source), "bytes": source.stat().st_size, "sha256": summary["input"][0]["sha256"]}
    ]
    assert {"torch", "transformers", "tokenizers", "python", "bert-sentiment"} <= summary["versions"].keys()
    assert (summary["rows"], summary["predicted"], summary["rejected"]) == (8, 7, 1)
    assert summary["started"] <= summary["finished"]


def test_a_changed_output_is_told(engine, source, tmp_path):
    output = made(engine, source, tmp_path / "out.csv")
    content = output.read_bytes()
    output.write_bytes(content.replace(b"positive", b"negative"))
    with pytest.raises(VerificationError, match=r"out.csv was changed: its SHA-256 is|has .* bytes"):
        verify(output=output)
    output.write_bytes(content[:-30])
    with pytest.raises(VerificationError, match="bytes, its summary says .*changed or cut short"):
        verify(output=output)


def test_a_changed_input_is_told_and_a_missing_one_is_said(engine, source, tmp_path, heard):
    output = made(engine, source, tmp_path / "out.csv")
    source.write_text(source.read_text() + "more,1\n")
    with pytest.raises(VerificationError, match="in.csv was changed since it was predicted"):
        verify(output=output)
    source.unlink()
    verify(output=output)
    assert "in.csv is not there any more, and was not compared" in heard.text


def test_labels_that_the_model_does_not_give_are_told(engine, source, tmp_path):
    """Somebody edits output and summary alike: the sample tells."""
    output = made(engine, source, tmp_path / "out.parquet")
    table = pq.read_table(output)
    swapped = [{"positive": "negative", "negative": "positive"}.get(label) for label in table["prediction"].to_pylist()]
    rows = [row | {"prediction": label, "p_negative": row["p_positive"], "p_positive": row["p_negative"]}
            for row, label in zip(table.to_pylist(), swapped, strict=True)]  # fmt: skip
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), output)
    summary = read_json(tmp_path / "out.parquet.summary.json")
    summary["output"] |= {"bytes": output.stat().st_size, "sha256": file_digest(output)}
    write_json(tmp_path / "out.parquet.summary.json", summary)
    with pytest.raises(VerificationError, match=r"7 of 8 rows scored again differ: row 1: \w+ 0\.\d+ in the output, "):
        verify(output=output)
    verify(output=output, sample=0)


def test_another_model_is_told_and_a_moved_one_is_named_with_run(tiny_copy, source, tmp_path, heard):
    output = made(Predictor.load(tiny_copy), source, tmp_path / "out.csv")
    moved = tmp_path / "moved"
    shutil.move(tiny_copy, moved)
    with pytest.raises(ModelError, match="no such folder"):
        verify(output=output)
    verify(output=output, run=moved)
    preprocessing = read_json(moved / "export" / "preprocessing.json")
    write_json(moved / "export" / "preprocessing.json", preprocessing | {"temperature": 3.0})
    (moved / "export" / "SHA256SUMS").unlink(missing_ok=True)
    with pytest.raises(VerificationError, match="rows scored again differ"):
        verify(output=output, run=moved)
    assert "the model is another one: its export is" in heard.text


def test_the_recorded_settings_are_used_again(tiny_run, source, tmp_path, heard):
    long = write_csv(tmp_path / "long.csv", [(f"good film {'and bad ' * 200}{i}",) for i in range(5)], header=("text",))
    predict(input=long, output=tmp_path / "out.csv", engine=Predictor.load(tiny_run, window_step=8))
    predict(input=long, output=tmp_path / "other.csv", engine=Predictor.load(tiny_run))
    assert (tmp_path / "out.csv").read_bytes() != (tmp_path / "other.csv").read_bytes()
    verify(output=tmp_path / "out.csv")
    assert "5 rows scored again agree" in heard.text


def test_a_sample_is_spread_over_the_output(engine, tmp_path, heard):
    source = write_csv(tmp_path / "in.csv", [(f"good film {i}",) for i in range(100)], header=("text",))
    predict(input=source, output=tmp_path / "out.csv", engine=engine)
    verify(output=tmp_path / "out.csv", sample=7)
    assert "sample: 7 rows scored again agree" in heard.text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "out.csv").unlink(), "out.csv: no such file"),
        (lambda folder: (folder / "out.csv.summary.json").unlink(), "summary.json is missing; it lies beside"),
        (lambda folder: (folder / "out.csv.summary.json").write_text('{"rows": 3}'), "no summary of this version"),
        (lambda folder: (folder / "out.csv.summary.json").write_text('{"rows": '), "summary.json"),
    ],
)
def test_what_cannot_be_verified_is_one_line(source, tmp_path, change, message):
    made(Echo(), source, tmp_path / "out.csv")
    change(tmp_path)
    with pytest.raises((DataError, ValueError), match=message):
        verify(output=tmp_path / "out.csv")


def test_a_model_nobody_can_find_is_one_line(source, tmp_path):
    made(Echo(), source, tmp_path / "out.csv")
    with pytest.raises(ConfigError, match="does not say where the model is; set run=outputs/RUN, or sample=0"):
        verify(output=tmp_path / "out.csv")
    with pytest.raises(ConfigError, match="server and key_file are for an output of engine=rest"):
        verify(output=tmp_path / "out.csv", server="http://127.0.0.1:8080")


def test_the_command_takes_the_output_as_its_first_word(tiny_run, source, tmp_path, capsys):
    with pytest.raises(SystemExit, match="3"):
        main(["predict", f"run={tiny_run}", f"input={source}", f"output={tmp_path}/out1.csv"])
    main(["verify", str(tmp_path / "out1.csv")])
    (tmp_path / "out1.csv").write_text("changed")
    with pytest.raises(SystemExit, match="1"):
        main(["verify", f"output={tmp_path}/out1.csv"])
    assert "error: " in capsys.readouterr().err
    assert json.loads((tmp_path / "out1.csv.summary.json").read_text())["rejected"] == 1
