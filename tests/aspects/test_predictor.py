"""A run that reads aspects from Python: training, runtimes, refusals, explanations and evaluation."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest

from sentiment.cli import main
from sentiment.errors import ConfigError, DataError, TextError
from sentiment.inference.predictor import Predictor
from tests.conftest import read_csv, read_json

TEXT = "the film and so on"


@pytest.fixture(scope="module")
def predictor(aspect_run):
    return Predictor.load(aspect_run)


def test_the_aspect_decides_in_every_runtime(aspect_run, predictor):
    assert predictor.settings["runtime"] == "onnx-int8"
    exact = Predictor.load(aspect_run, runtime="torch")
    for one in (predictor, exact):
        assert [p.label for p in one([TEXT, TEXT], aspect=["screen", "battery"])] == ["positive", "negative"]
    pairs = [(TEXT, "screen"), ("the meal", "battery")]
    both = [one.probabilities(pairs).numpy() for one in (predictor, exact)]
    np.testing.assert_allclose(*both, atol=0.03)
    assert read_json(aspect_run / "metrics.json")["test"]["accuracy"] == 1
    assert read_json(aspect_run / "baseline.json")["test"]["scores"]["accuracy"] == 1  # it reads the aspect too


def test_forms_of_a_call(predictor):
    one = predictor(TEXT, aspect="screen")
    assert predictor([TEXT], aspect="screen") == predictor.predict([(TEXT, "screen")]) == [one]
    assert predictor.predict(pd.Series([TEXT]), pd.Series(["screen"])) == [one]
    assert list(predictor.stream([[(TEXT, "screen")]])) == [[one]]
    pair = {"text": TEXT, "text_pair": "screen"}
    assert predictor.pipeline(pair) == predictor.pipeline([pair]) == [{"label": one.label, "score": one.score}]
    assert predictor.pipeline(pair, top_k=None)[0]["label"] == "positive"
    assert [len(ranked) for ranked in predictor.pipeline([pair, pair], top_k=None)] == [2, 2]


def test_a_text_without_an_aspect_is_refused_unless_there_is_a_default(aspect_run, predictor):
    for texts, aspect in ((TEXT, None), ([TEXT], None), ([TEXT, TEXT], ["screen", None])):
        place = r"texts\[1\]: " if aspect else ""
        with pytest.raises(
            TextError, match=f"^{place}this model reads each text with an aspect, .* and none is given"
        ) as caught:
            predictor(texts, aspect=aspect)
        assert caught.value.index == (1 if aspect else 0)
    with pytest.raises(TextError, match="^the aspect is empty"):
        predictor(TEXT, aspect=" ")
    for call in (predictor.predict, predictor.explain, predictor.pipeline):
        pairs = [(TEXT, "screen"), (TEXT, "<br>")]
        given = [{"text": text, "text_pair": aspect} for text, aspect in pairs] if call == predictor.pipeline else pairs
        with pytest.raises(TextError, match=r"^texts\[1\]: the aspect has no word") as caught:
            call(given)
        assert (caught.value.index, caught.value.problem[:22]) == (1, "the aspect has no word")
        same = pickle.loads(pickle.dumps(caught.value))
        assert (str(same), same.index, same.reason) == (str(caught.value), 1, "aspect")
    with pytest.raises(DataError, match="^aspect: expected a text for all, or a list with one for each, got int"):
        predictor([TEXT], aspect=3)
    with pytest.raises(DataError, match="^1 aspects for 2 texts; give one for each"):
        predictor([TEXT, TEXT], aspect=["screen"])
    with pytest.raises(DataError, match=r"^aspects\[0\]: expected a text, got int"):
        predictor([TEXT], aspect=[3])
    with pytest.raises(DataError, match="expected .*text_pair.*, got the keys text, aspect"):
        predictor.pipeline({"text": TEXT, "aspect": "screen"})
    kept = Predictor.from_pretrained(aspect_run, default_aspect="battery")
    assert kept([TEXT, TEXT], aspect=["screen", None]) == predictor([TEXT, TEXT], aspect=["screen", "battery"])
    assert kept.identity() != predictor.identity()


def test_a_model_without_aspects_refuses_one(tiny_run):
    predictor = Predictor.load(tiny_run)
    for call in (predictor, predictor.explain):
        with pytest.raises(TextError, match="^this model reads texts without an aspect"):
            call(["good film"], aspect="film")
    with pytest.raises(ConfigError, match="^default_aspect=film does nothing: this model reads no aspects"):
        Predictor.load(tiny_run, default_aspect="film")
    assert "aspects" not in read_json(tiny_run / "export" / "preprocessing.json")


def test_an_explanation_marks_the_text_by_its_aspect(predictor):
    [screen] = predictor.explain([TEXT], aspect="screen")
    [battery] = predictor.explain([TEXT], target="positive", aspect="battery")
    assert (screen.aspect, battery.aspect) == ("screen", "battery")
    assert [word.text for word in screen.words] == TEXT.split()
    assert (screen.target, battery.prediction.label) == ("positive", "negative")
    for one in (screen, battery):  # the aspect is on both ends of the path
        p = one.prediction.probabilities["positive"]
        total = one.baseline + one.delta + sum(word.attribution for word in one.words)
        assert total == pytest.approx(np.log(p / (1 - p)), abs=1e-3)
    assert screen.baseline - battery.baseline > 1
    assert type(screen).from_json(json.loads(json.dumps(screen.to_json()))) == screen


def test_files_of_the_run_have_the_aspect(aspect_run):
    rows = read_csv(aspect_run / "predictions.csv")
    assert list(rows[0])[:4] == ["text", "aspect", "label", "prediction"]
    assert {row["aspect"]: row["prediction"] for row in rows} == {"screen": "positive", "battery": "negative"}
    report = read_json(aspect_run / "data_report.json")
    train = report["splits"]["train"]
    assert train["aspects"] == {"distinct": 2, "new": 2, "most_frequent": {"battery": 32, "screen": 32}}
    assert report["splits"]["test"]["aspects"]["new"] == 0
    assert train["duplicates"] == {"exact": 32, "normalised": 32}  # pairs; 48 of the texts alone
    assert report["conflicts"]["texts"] == 0
    words = report["tokenizer"]["splits"]["train"]["whole"]["words"]["count"]
    assert words == sum(len(row["text"].split()) + 1 for row in read_csv_of(report, aspect_run))


def read_csv_of(report, run):
    import yaml

    config = yaml.safe_load((run / ".hydra" / "config.yaml").read_text(encoding="utf-8"))
    return read_csv_path(config["data"]["dir"])


def read_csv_path(folder):
    from pathlib import Path

    return read_csv(Path(folder) / "train.csv")


def test_evaluate_reads_the_aspects_of_the_run_and_of_other_data(aspect_run, aspect_corpus, tiny_run, tmp_path, capsys):
    common = [f"run={aspect_run}", "baseline=false", "behaviour=null"]
    main(["evaluate", *common, f"output={tmp_path}/own"])
    assert read_json(tmp_path / "own" / "metrics.json")["test"]["accuracy"] == 1
    main(["evaluate", *common, "data=files", f"data.test={aspect_corpus}/train.csv", f"output={tmp_path}/other"])
    assert read_json(tmp_path / "other" / "metrics.json")["test"]["accuracy"] == 1
    other = [f"run={tiny_run}", "data=files", f"data.test={aspect_corpus}/test.csv", "data.aspect_column=target"]
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", *other, f"output={tmp_path}/refused"])
    assert caught.value.code == 2
    assert "this model reads no aspects; leave data.aspect_column out" in capsys.readouterr().err
