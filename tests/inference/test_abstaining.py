"""Texts that cannot be read, and texts left to a person, from the predictor to the batch job and the archive."""

import json
import math

import pytest

from sentiment.batch import predict
from sentiment.errors import ConfigError
from sentiment.files import write_json
from sentiment.inference.abstention import Abstention, Level
from sentiment.inference.checksums import update_checksums
from sentiment.inference.predictor import Predictor
from sentiment.serving.archive import package
from tests.conftest import read_csv, read_json, write_csv

UNREAD = ["最高でした", "asdf qwer", "фильм ужасный", "فيلم رائع جدا"]


@pytest.fixture
def promising(tiny_copy):
    """A run whose validation split promises 5 % errors for scores from just below that of a good film."""
    score = Predictor.load(tiny_copy)("good film").score
    levels = (Level(0.9999, 50, 0, 0.04), Level(score - 1e-4, 80, 1, 0.05), Level(0.0, 100, 9, 0.2))
    write_json(tiny_copy / "export" / "abstention.json", Abstention(100, 0.95, levels).to_json())
    update_checksums(tiny_copy / "export", "abstention.json")
    return tiny_copy


@pytest.mark.parametrize("text", UNREAD)
def test_a_text_that_cannot_be_read_gets_no_confident_label(tiny_run, text):
    found = Predictor.load(tiny_run)(text)
    assert (found.readable, found.unreadable, found.decided) == (False, 1.0, False)
    assert set(found.probabilities.values()) == {0.5}
    assert found.to_json()["readable"] is False


def test_one_that_can_be_read_is_as_before(tiny_run):
    found = Predictor.load(tiny_run)("a good film, @friend 最")
    assert found.readable
    assert found.unreadable == 0.25  # one of four: a, good, film and that; what stands for the mention does not count
    assert found.score > 0.5


def test_an_explanation_tells_it_too(tiny_run):
    [told] = Predictor.load(tiny_run).explain(["最高でした"])
    assert told.to_json()["readable"] is False
    assert told.prediction.score == 0.5


def test_a_promise_answers_what_it_can(promising, caplog):
    with caplog.at_level("INFO"):
        predictor = Predictor.load(promising, max_error=0.05)
    assert "of 100 validation texts that were 80%, 1 of them wrong; the others are left to a person" in caplog.text
    good, odd, unread = predictor(["good film", "good bad", "最高でした"])
    assert (good.abstained, unread.abstained) == (False, True)
    assert odd.abstained == (odd.score < predictor.level.threshold)
    assert Predictor.load(promising)("good film").abstained is None
    assert all(one.abstained for one in predictor.with_promise([good], 0.04))


def test_a_promise_of_one_promises_nothing_and_answers_every_text(promising, multi_run, scale_run):
    predictor = Predictor.load(promising, max_error=0.05)
    assert predictor(["最高でした"])[0].abstained
    assert [one.abstained for one in predictor.with_promise(predictor(["good bad", "最高でした"]), 1.0)] == [None, None]
    for run in (multi_run, scale_run):
        other = Predictor.load(run, max_error=1.0)
        assert other.with_promise(other(["good film"]), 1.0) == other(["good film"])


def test_what_validation_cannot_promise_is_refused_in_one_line(promising, tiny_run):
    with pytest.raises(ConfigError, match=r"max_error=0.01: the 100 validation texts can promise 0.041 at best"):
        Predictor.load(promising, max_error=0.01)
    with pytest.raises(ConfigError, match=r"max_error=0.01: the 16 validation texts"):
        package(run=tiny_run, model_store=tiny_run.parent / "store", max_error=0.01)


def test_a_batch_leaves_the_prediction_of_both_empty(promising, tmp_path):
    source = write_csv(tmp_path / "in.csv", [("good film",), ("最高でした",), ("good bad",)], header=("text",))
    predict(input=source, output=tmp_path / "plain.csv", engine=Predictor.load(promising))
    rows = read_csv(tmp_path / "plain.csv")
    assert list(rows[0]) == [
        "text",
        "prediction",
        "score",
        "p_negative",
        "p_positive",
        "unreadable",
        "unreadable_reason",
    ]
    assert [row["unreadable"] for row in rows] == ["0.0", "1.0", "0.0"]
    assert [row["unreadable_reason"] for row in rows] == ["", "script", ""]
    assert [bool(row["prediction"]) for row in rows] == [True, False, True]
    summary = read_json(tmp_path / "plain.csv.summary.json")
    assert (summary["unreadable"], summary["abstained"], summary["predicted"]) == (1, 0, 3)
    assert summary["unreadable_reason"] == {"script": 1}
    assert sum(summary["labels"].values()) == 2
    assert math.isclose(sum(summary["shares"].values()), 1)

    engine = Predictor.load(promising, max_error=0.04)
    predict(input=source, output=tmp_path / "promised.jsonl", engine=engine)
    rows = [json.loads(line) for line in (tmp_path / "promised.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["abstained"] for row in rows] == [one.abstained for one in engine([row["text"] for row in rows])]
    assert all((row["prediction"] is None) == row["abstained"] for row in rows)
    assert read_json(tmp_path / "promised.jsonl.summary.json")["abstained"] >= 1


def test_an_archive_keeps_the_promise(promising, tmp_path):
    import zipfile

    made = package(run=promising, model_store=tmp_path, max_error=0.05)
    with zipfile.ZipFile(made) as archive:
        assert json.loads(archive.read("preprocessing.json"))["max_error"] == 0.05
        assert {"abstention.json", "readability.json"} <= set(archive.namelist())
        archive.extractall(tmp_path / "archive")
    assert Predictor.load(tmp_path / "archive")("good film").abstained is False


def test_a_request_may_ask_for_a_promise(handler):
    from tests.handling import answers, row

    asked = [{"text": "good film", "max_error": 0.001}, {"text": "最高でした", "details": True}]
    (refused, message), (status, told) = answers(handler, *map(row, asked))
    assert refused == 400
    assert "max_error=0.001: the 16 validation texts" in message["message"]
    assert (status, told["readable"], told["unreadable"]) == (200, False, 1.0)
