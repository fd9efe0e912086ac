"""A student from its command to its run: what it learns, what is refused, how it resumes."""

import signal

import pytest

from sentiment import Predictor
from sentiment.cli import main
from tests.conftest import read_json, write_csv
from tests.training.conftest import assert_same_export, resumed

LABELS = ["negative", "positive"]


def test_a_student_learns_from_unlabelled_texts_what_the_teacher_says(train_tiny, tiny_run, tmp_path):
    """Its own labels are all wrong: what it gets right it has from the teacher."""
    words = ["film", "meal", "phone", "trip", "song", "book", "game", "room"]
    rows = [(f"{'good' if i % 2 else 'bad'} {words[i // 2 % 8]}", LABELS[(i + 1) % 2]) for i in range(16)]
    folder = tmp_path / "wrong"
    folder.mkdir()
    write_csv(folder / "train.csv", rows)
    write_csv(folder / "validation.csv", [(text, LABELS[1 - LABELS.index(label)]) for text, label in rows])
    lines = [
        f"{'good' if i % 2 else 'bad'} {words[i // 2 % 8]} and so on" + " and so on" * (i // 16) for i in range(64)
    ]
    (folder / "more.txt").write_text("\n".join([*lines, "", lines[0]]), encoding="utf-8")
    run = train_tiny(
        "student",
        *(f"model.teacher=[{tiny_run}]", "model.teacher_share=1.0", "model.teacher_temperature=1.5"),
        *(f"data.dir={folder}", f"data.unlabelled={folder}/more.txt"),
        *("after_training.calibrate=false", "after_training.baseline=false", "trainer.max_epochs=12"),
    )
    with Predictor.load(run) as student:
        assert [student(text).label for text in ("good film and so on", "bad film and so on")] == [
            "positive",
            "negative",
        ]
    teacher = read_json(run / "run_summary.json")["teacher"]
    assert teacher["unlabelled"] == 64
    assert teacher["models"][0]["name"] == str(tiny_run)
    assert len(teacher["models"][0]["sha256"]) == 64
    assert f"taught by {tiny_run}" in (run / "export" / "README.md").read_text()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.teacher_share=0.9", "model.teacher_share=0.9 does nothing without a teacher; set model.teacher=RUN"),
        ("data.unlabelled=more.csv", "data.unlabelled=more.csv does nothing without a teacher"),
        (
            "model.teacher=nowhere",
            "model.teacher=nowhere: no such folder; name a run, outputs/RUN, an export or a hub id",
        ),
        ("model.teacher=tests", "model.teacher=tests: no finished run and no model; name outputs/RUN or its export"),
        ("model.teacher_share=0", "model.teacher_share=0: expected greater than 0"),
        ("task=multi model.teacher=tests", "model.teacher=tests: for one label a text, not for task=multi; leave it"),
        ("task=multi model.r_drop=0.5", "model.r_drop=0.5: for one label a text, not for task=multi; leave it out"),
    ],
)
def test_what_can_do_nothing_is_refused_in_one_line(override, message, capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        main(["train", *override.split(), f"paths.output_dir={tmp_path}"])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_stopped_student_resumes_to_the_weights_of_an_unbroken_one(train_tiny, tiny_run, stop_at, stopped):
    settings = (
        f"model.teacher={tiny_run}",
        "model.r_drop=0.5",
        "trainer.max_epochs=2",
        "after_training.baseline=false",
    )
    unbroken = train_tiny("unbroken", *settings)
    stop_at("sentiment.training.model.SentimentClassifier.training_step", 5, signal.SIGINT)
    assert_same_export(resumed(stopped(train_tiny, "broken", *settings)), unbroken)
