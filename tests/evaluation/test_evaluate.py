import json
import logging
import shutil

import pytest
from omegaconf import OmegaConf

from sentiment.cli import main
from sentiment.data.splits import Split
from sentiment.errors import DataError
from sentiment.evaluation.scoring import evaluate
from sentiment.inference.types import Prediction
from tests.conftest import read_json, write_csv


def test_a_run_is_scored_again_to_the_same_numbers(tiny_copy):
    main(["evaluate", f"run={tiny_copy}"])
    scores = read_json(tiny_copy / "evaluation" / "test" / "metrics.json")["test"]
    assert scores == pytest.approx(read_json(tiny_copy / "metrics.json")["test"], abs=1e-6)


def test_a_run_of_before_its_tokenizer_was_audited_and_its_files_were_named_is_reported(tiny_copy):
    path = tiny_copy / "data_report.json"
    former = {key: value for key, value in read_json(path).items() if key != "tokenizer"}
    for split in former["splits"].values():
        del split["files"]
    path.write_text(json.dumps(former))
    main(["evaluate", f"run={tiny_copy}", "baseline=false", "behaviour=null"])
    report = (tiny_copy / "evaluation" / "test" / "report" / "report.html").read_text(encoding="utf-8")
    assert "What the tokenizer reads" not in report
    assert "Lengths of the texts" in report


def test_a_run_is_scored_on_other_data_without_a_training_file(tiny_copy, tmp_path):
    path = write_csv(
        tmp_path / "mine.csv", [("good trip", "positive"), ("bad trip", "negative"), ("bad song", "positive")]
    )
    main(["evaluate", f"run={tiny_copy}", "data=files", f"data.test={path}", f"output={tmp_path}/scores"])
    assert read_json(tmp_path / "scores" / "metrics.json")["test"]["accuracy"] == pytest.approx(2 / 3)
    assert (tmp_path / "scores" / "predictions.csv").read_text().count("\n") == 4


class Constant:
    """A classifier with one answer."""

    def predict(self, texts):
        return [Prediction.best(["a", "b"], [0.9, 0.1], tokens=1, truncated=False) for _ in texts]


@pytest.mark.parametrize("terminal", [False, True])
def test_lines_tell_how_far_scoring_is_where_no_terminal_shows_a_bar(terminal, monkeypatch, caplog):
    monkeypatch.setattr("sentiment.console.REPORT_EVERY", 0.0)
    monkeypatch.setattr("sentiment.console.console._force_terminal", terminal)
    with caplog.at_level(logging.INFO, logger="sentiment.evaluation.scoring"):
        evaluate(Constant(), Split(["x"] * 1100, ["a"] * 1100), ["a", "b"])
    told = ["scored 512 of 1100 texts", "scored 1024 of 1100 texts"]
    assert caplog.messages == ([] if terminal else ["scored 0 of 1100 texts", *told])


def test_columns_that_the_data_does_not_name_are_those_of_the_run(tiny_copy, tmp_path):
    change_config(tiny_copy, text_column="review", label_column="stars")
    rows = [("good trip", "positive", "x"), ("bad trip", "negative", "y")]
    path = write_csv(tmp_path / "mine.csv", rows, header=("review", "stars", "text"))
    main(["evaluate", f"run={tiny_copy}", "data=files", f"data.test={path}", "baseline=false", f"output={tmp_path}/a"])
    assert read_json(tmp_path / "a" / "metrics.json")["test"]["accuracy"] == 1
    assert not (tmp_path / "a" / "baseline.json").exists()
    assert (tmp_path / "a" / "report" / "report.html").is_file()


def test_other_texts_get_the_baseline_of_the_training_texts(tiny_copy, tmp_path):
    path = write_csv(tmp_path / "mine.csv", [("good boat", "positive"), ("bad boat", "negative")] * 4)
    main(["evaluate", f"run={tiny_copy}", "data=files", f"data.test={path}", f"output={tmp_path}/a"])
    found = read_json(tmp_path / "a" / "baseline.json")["test"]
    assert found["scores"]["accuracy"] == 1
    assert found["lead"] == 0
    known = read_json(tmp_path / "a" / "intervals.json")["test"]
    assert known["accuracy"] == pytest.approx([0.631, 1], abs=1e-3)  # 8 of 8 texts
    assert known.keys() < found["scores"].keys()


def test_a_run_whose_training_texts_are_gone_is_scored_without_a_baseline(tiny_copy, tmp_path, capfd):
    change_config(tiny_copy, dir=str(tmp_path / "gone"))
    path = write_csv(tmp_path / "mine.csv", [("good trip", "positive"), ("bad trip", "negative")])
    main(["evaluate", f"run={tiny_copy}", "data=files", f"data.test={path}", f"output={tmp_path}/a"])
    assert "no baseline beside the scores: the run's training texts cannot be read" in capfd.readouterr().err
    assert read_json(tmp_path / "a" / "metrics.json")["test"]["accuracy"] == 1
    assert not (tmp_path / "a" / "baseline.json").exists()


def test_texts_of_the_run_that_have_changed_are_said(tiny_copy, tmp_path, capfd):
    main(["evaluate", f"run={tiny_copy}", "split=validation", "behaviour=null"])
    assert "changed" not in capfd.readouterr().err
    folder = shutil.copytree(read_config(tiny_copy).data.dir, tmp_path / "changed")
    for name in ("train", "validation"):
        write_csv(folder / f"{name}.csv", [("good boat", "positive"), ("bad boat", "negative")] * 8)
    change_config(tiny_copy, dir=str(folder))
    (tiny_copy / "baseline.json").unlink()
    main(["evaluate", f"run={tiny_copy}", "split=validation", "behaviour=null"])
    told = capfd.readouterr().err
    assert "the validation texts or labels have changed since this run was trained; they are scored as they are" in told
    assert "the train texts or labels have changed since this run was trained; the baseline learns" in told


def read_config(run):
    return OmegaConf.load(run / ".hydra" / "config.yaml")


def change_config(run, **values):
    cfg = read_config(run)
    cfg.data.update(values)
    OmegaConf.save(cfg, run / ".hydra" / "config.yaml")


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (("text",), [("good trip",)], "mine.csv has no column 'label', only 'text'; set data.label_column"),
        (
            ("text", "label"),
            [("good trip", "")],
            "mine.csv, has a label; fill the column, or name another with data.label_column",
        ),
        (
            ("text", "label"),
            [("so so", "neutral")],
            "label 'neutral', unknown to the label set: negative, positive",
        ),
    ],
)
def test_data_that_cannot_be_scored_is_one_clear_line(tiny_run, tmp_path, header, rows, message, capfd):
    path = write_csv(tmp_path / "mine.csv", rows, header=header)
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", f"run={tiny_run}", "data=files", f"data.test={path}", f"output={tmp_path}/a"])
    assert caught.value.code == 2
    assert message in capfd.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "a").exists()


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
