import pytest

from sentiment.cli import main
from sentiment.data.splits import Split
from sentiment.errors import DataError
from sentiment.evaluation import evaluate
from sentiment.schema import Prediction
from tests.conftest import read_json, write_csv


def test_a_run_is_scored_again_to_the_same_numbers(tiny_copy):
    main(["evaluate", f"run={tiny_copy}"])
    scores = read_json(tiny_copy / "evaluation" / "test" / "metrics.json")["test"]
    assert scores == pytest.approx(read_json(tiny_copy / "metrics.json")["test"], abs=1e-6)


def test_a_run_is_scored_on_other_data_without_a_training_file(tiny_copy, tmp_path):
    path = write_csv(
        tmp_path / "mine.csv", [("good trip", "positive"), ("bad trip", "negative"), ("bad song", "positive")]
    )
    main(["evaluate", f"run={tiny_copy}", "data=files", f"data.test={path}", f"output={tmp_path}/scores"])
    assert read_json(tmp_path / "scores" / "metrics.json")["test"]["accuracy"] == pytest.approx(2 / 3)
    assert (tmp_path / "scores" / "predictions.csv").read_text().count("\n") == 4


def test_labels_the_model_does_not_know_are_named():
    class Sunny:
        def predict(self, texts):
            return [Prediction("positive", 1.0, {"negative": 0.0, "positive": 1.0})] * len(texts)

    with pytest.raises(DataError, match="the data has the label 'neutral', the model knows negative, positive"):
        evaluate(Sunny(), Split(["a"], ["neutral"]), ["negative", "positive"])


def test_a_split_that_is_not_there_is_named(tiny_copy, capfd):
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", f"run={tiny_copy}", "split=dev"])
    assert caught.value.code == 2
    assert "split=dev: the data has train, validation, test" in capfd.readouterr().err
