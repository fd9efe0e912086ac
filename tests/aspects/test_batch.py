"""A batch job with a column of aspects: answers, rejects, defaults, verification and Ray."""

import json

import pytest

from sentiment.batch import predict
from sentiment.batch.verify import verify
from sentiment.errors import DataError, RowsRejectedError
from sentiment.files import read_json
from sentiment.inference.predictor import Predictor
from tests.conftest import read_csv, write_csv

HEADER = ("text", "target")
ROWS = [("the film", "screen"), ("the film", "battery"), ("", "screen"), ("the meal", ""), ("the trip", "x " * 30)]


@pytest.fixture
def source(tmp_path):
    return write_csv(tmp_path / "in.csv", ROWS, HEADER)


def test_each_row_is_read_with_its_aspect(aspect_run, source, tmp_path, caplog):
    out = tmp_path / "out.csv"
    with pytest.raises(RowsRejectedError, match="^3 of 5 rows"):
        predict(input=source, output=out, engine=Predictor.load(aspect_run), aspect_column="target", quiet=True)
    rows = read_csv(out)
    assert [row["prediction"] for row in rows] == ["positive", "negative", "", "", ""]
    assert [row["target"] for row in rows] == [target for _, target in ROWS]
    reasons = {row["row"]: row["reason"] for row in read_csv(tmp_path / "out.csv.rejects.csv")}
    assert reasons["3"] == "text is empty"
    assert reasons["4"] == "target is empty"
    assert reasons["5"].startswith("the aspect has 30 tokens, of which the model reads 14 at most")
    assert read_json(tmp_path / "out.csv.summary.json")["settings"]["aspect_column"] == "target"
    caplog.set_level("INFO")
    verify(output=out)
    assert "5 rows scored again agree" in caplog.text


def test_an_empty_aspect_is_the_models_default(aspect_run, source, tmp_path):
    engine = Predictor.load(aspect_run, default_aspect="battery")
    with pytest.raises(RowsRejectedError, match="^2 of 5 rows"):
        predict(input=source, output=tmp_path / "out.csv", engine=engine, aspect_column="target", quiet=True)
    assert read_csv(tmp_path / "out.csv")[3]["prediction"] == "negative"
    verify(output=tmp_path / "out.csv")
    write_csv(source, [("the meal", "  ")], HEADER)
    predict(input=source, output=tmp_path / "spaces.csv", engine=engine, aspect_column="target", quiet=True)
    assert read_csv(tmp_path / "spaces.csv")[0]["prediction"] == "negative"
    (tmp_path / "in.jsonl").write_text('{"text": "a", "target": 0}\n{"text": "a", "target": null}\n')
    with pytest.raises(RowsRejectedError, match="^1 of 2 rows"):
        predict(
            input=tmp_path / "in.jsonl", output=tmp_path / "n.csv", engine=engine, aspect_column="target", quiet=True
        )
    assert read_csv(tmp_path / "n.csv.rejects.csv")[0]["reason"] == "target must be a string, got a number"


def test_a_column_that_does_not_fit_the_model_is_refused_at_once(aspect_run, tiny_run, source, tmp_path):
    reads, alone = Predictor.load(aspect_run), Predictor.load(tiny_run)
    cases = [
        (reads, None, "this model reads each text with an aspect, .* of a table aspect_column"),
        (reads, "none", "no column 'none', only 'text', 'target'; set aspect_column"),
        (reads, "text", "text_column and aspect_column are both 'text'; name two columns"),
        (alone, "target", "this model reads texts without an aspect"),
    ]
    for engine, column, told in cases:
        with pytest.raises(DataError, match=told):
            predict(input=source, output=tmp_path / "out.csv", engine=engine, aspect_column=column, quiet=True)


def test_standard_input_has_aspects_too(aspect_run, tmp_path, monkeypatch):
    import io
    import sys

    lines = "".join(json.dumps({"text": text, "target": target}) + "\n" for text, target in ROWS[:2])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    engine, out = Predictor.load(aspect_run), tmp_path / "out.jsonl"
    predict(input="-", output=out, engine=engine, aspect_column="target", stdin_format="jsonl", quiet=True)
    assert [json.loads(line)["prediction"] for line in out.read_text().splitlines()] == ["positive", "negative"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")  # of ray
def test_ray_answers_as_one_process_does(aspect_run, source, tmp_path):
    from sentiment.batch.ray_data import RayData

    pool = RayData(run=aspect_run, actors=1)
    try:
        for name, engine in {"ray": pool, "local": Predictor.load(aspect_run)}.items():
            with pytest.raises(RowsRejectedError, match="^3 of 5 rows"):
                predict(
                    input=source, output=tmp_path / f"{name}.csv", engine=engine, aspect_column="target", quiet=True
                )
    finally:
        pool.close()
    assert read_csv(tmp_path / "ray.csv") == read_csv(tmp_path / "local.csv")
