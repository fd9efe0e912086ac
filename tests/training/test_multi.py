"""task=multi from training to the page: labels, thresholds, scores, report, runtimes and batch."""

import json

import pytest
import torch
from transformers import pipeline

from sentiment.cli import main
from sentiment.errors import ConfigError
from sentiment.inference.multilabel import Multi as MultiDecoding
from sentiment.inference.predictor import Predictor
from sentiment.serving.rollout.gate import accuracy
from sentiment.training.losses import BinaryCrossEntropy, BinaryFocal, CrossEntropy
from sentiment.training.tasks import Multi, Single
from sentiment.ui import render
from sentiment.ui.backend import State
from sentiment.ui.compare import sentence
from sentiment.ui.feedback import Correction
from tests.conftest import read_csv, read_json, write_csv

LABELS = ["anger", "fear", "joy"]
TEXTS = ["film happy test 0", "phone furious scared test 5", "film test 3"]


@pytest.fixture
def run(multi_run):
    return multi_run


def test_a_run_has_thresholds_scores_and_a_report_of_several_labels(run):
    task = read_json(run / "export" / "preprocessing.json")["task"]
    assert (task["kind"], len(task["thresholds"]), len(task["slopes"])) == ("multi", 3, 3)
    config = read_json(run / "export" / "config.json")
    assert (list(config["id2label"].values()), config["problem_type"]) == (LABELS, "multi_label_classification")
    scores = read_json(run / "metrics.json")["test"]
    assert {
        "f1",
        "micro_f1",
        "average_precision",
        "subset_accuracy",
        "hamming",
        "label_f1/joy",
        "loss",
    } <= scores.keys()
    assert scores["f1"] > 0.8
    low, high = read_json(run / "intervals.json")["test"]["f1"]
    assert low - 1e-6 <= scores["f1"] <= high + 1e-6
    compared = read_json(run / "baseline.json")["test"]
    assert compared["lead"] == pytest.approx(scores["f1"] - compared["scores"]["f1"], abs=1e-6)
    counts = read_json(run / "data_report.json")["splits"]["train"]["labels"]
    assert counts == {"(none)": 12, "anger": 24, "fear": 36, "joy": 48}
    report = " ".join((run / "report" / "report.html").read_text().split())
    assert "test texts the macro F1 of 3 labels is" in report
    assert "a label is given where its probability reaches its threshold" in report
    assert "Confusion matrix" not in report
    assert "Platt scaling" in report
    assert "average precision" in (run / "export" / "README.md").read_text()
    rows = read_csv(run / "predictions.csv")
    assert (rows[2]["label"], rows[3]["label"]) == ("fear|joy", "")
    shares = read_json(run / "export" / "quantification.json")["several"]
    assert [one["labels"] for one in shares] == [[label, f"not {label}"] for label in ("anger", "fear", "joy")]


@pytest.mark.slow
def test_evaluate_gives_the_scores_of_training_and_reads_other_data_as_the_run_did(run, emotions, tmp_path):
    main(["evaluate", f"run={run}", f"output={tmp_path}/own", "baseline=false"])
    ours, theirs = read_json(tmp_path / "own" / "metrics.json")["test"], read_json(run / "metrics.json")["test"]
    assert ours == pytest.approx(theirs, abs=1e-6)
    rows = [(row["text"], *(str(int(name in row["label"].split("|"))) for name in LABELS))
            for row in read_csv(emotions / "test.csv")]  # fmt: skip
    write_csv(tmp_path / "flags.csv", rows, header=("text", *LABELS))
    other = ["data=files", f"data.test={tmp_path / 'flags.csv'}", "data.label_columns=[anger,fear,joy]"]
    main(["evaluate", f"run={run}", f"output={tmp_path}/other", "baseline=false", "data.multi_label=true", *other])
    assert read_json(tmp_path / "other" / "metrics.json")["test"] == pytest.approx(theirs, abs=1e-6)
    main(["sweep-report", f"folder={run.parent}", "metric=f1", f"output={tmp_path}"])
    assert float(read_csv(tmp_path / "leaderboard.csv")[0]["test_f1"]) == theirs["f1"]


def test_every_runtime_the_batch_job_and_its_verification_answer_alike(run, tmp_path):
    expected = Predictor.load(run).predict(TEXTS)
    assert [one.labels for one in expected][:2] == [("joy",), ("anger", "fear")]
    for one, other in zip(expected, Predictor.load(run, runtime="torch").predict(TEXTS), strict=True):
        assert one.labels == other.labels
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
    write_csv(tmp_path / "in.csv", [(text,) for text in TEXTS], header=("text",))
    given = [f"run={run}", f"input={tmp_path / 'in.csv'}"]
    main(["predict", *given, f"output={tmp_path / 'out.csv'}"])
    rows = read_csv(tmp_path / "out.csv")
    assert list(rows[0]) == ["text", "prediction", "p_anger", "p_fear", "p_joy", "unreadable", "unreadable_reason"]
    assert [row["prediction"] for row in rows] == [one.label for one in expected]
    for one, row in zip(expected, rows, strict=True):
        assert [float(row[f"p_{name}"]) for name in LABELS] == pytest.approx([*one.probabilities.values()], abs=1e-5)
    summary = read_json(tmp_path / "out.csv.summary.json")
    counts = {name: sum(name in one.labels for one in expected) for name in LABELS}
    assert summary["shares"] == pytest.approx({name: count / 3 for name, count in counts.items()}, abs=1e-5)
    main(["verify", str(tmp_path / "out.csv")])
    main(["predict", *given, f"output={tmp_path / 'all.csv'}", "engine.threshold={joy: 0, fear: 1, anger: 1}"])
    assert [row["prediction"] for row in read_csv(tmp_path / "all.csv")] == ["joy"] * 3
    main(["verify", str(tmp_path / "all.csv")])


def test_the_pipeline_form_is_that_of_transformers(run):
    predictor = Predictor.load(run, runtime="torch")
    theirs = pipeline("text-classification", model=str(run / "export"))
    assert theirs(TEXTS[0], top_k=None)[0].keys() == predictor.pipeline(TEXTS[0], top_k=None)[0].keys()
    assert sum(one["score"] for one in theirs(TEXTS[1], top_k=None)) > 1.05  # sigmoids, not a softmax
    [best] = predictor.pipeline(TEXTS[0])
    assert best == predictor.pipeline(TEXTS[0], top_k=None)[0]


def test_a_text_that_cannot_be_read_gets_no_label(run):
    [unread] = Predictor.load(run, threshold=0.4).predict(["最高でした"])
    assert (unread.readable, unread.labels, set(unread.probabilities.values())) == (False, (), {0.5})
    [again] = Predictor.load(run).with_threshold([unread], 0)
    assert again.labels == ()


def test_the_gate_of_deployment_counts_the_labels_that_two_answers_share():
    decoding = MultiDecoding((0.5, 0.5, 0.5))
    rows = [[0.1, 0.2, 0.9], [0.8, 0.7, 0.1], [0.1, 0.1, 0.3]]
    found = [decoding.answer(LABELS, row, tokens=3, truncated=False) for row in rows]
    assert accuracy(found, [("joy",), ("anger",), ()], decoding, LABELS) == pytest.approx((1 + 0.5 + 1) / 3)


def test_the_page_shows_all_labels_and_takes_all_as_a_correction(run):
    one, two, other = Predictor.load(run).predict(TEXTS)
    [none] = Predictor.load(run).with_threshold([other], 1)
    shown = render.answer(two, State(None))
    assert "<strong>anger, fear</strong>" in shown
    assert shown.count(' best"') == 2
    assert "<strong>none of the labels</strong>" in render.answer(none, State(None))
    assert sentence(one, two, "text") == "They differ: the first text is joy, the second anger, fear."
    assert Correction.of(TEXTS[0], ["joy", "fear"], one, "1.0").label == ["joy", "fear"]
    assert Correction.of(TEXTS[0], "", one, "1.0").label == []


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), BinaryFocal(gamma=0)], ids=lambda loss: type(loss).__name__)
def test_each_loss_is_lowest_at_the_right_probabilities(loss):
    logits = torch.zeros(1, 2, requires_grad=True)
    targets = torch.tensor([[1, 0], [1, 1], [0, 1], [1, 1]])
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        loss(logits.expand(4, 2), targets).sum().backward()
        optimizer.step()
    assert logits.sigmoid()[0].tolist() == pytest.approx([0.75, 0.75], abs=0.01)


def test_balanced_weights_are_rows_without_a_label_by_rows_with_it():
    loss = BinaryCrossEntropy(pos_weight="balanced")
    loss.prepare(["a", "b"], {("a",): 10, ("a", "b"): 5, (): 5})
    assert loss.pos_weight.tolist() == pytest.approx([5 / 15, 3])
    focal = BinaryFocal(gamma=2)
    cells = focal.cells(torch.tensor([[2.0, -1.0]]), torch.tensor([[1.0, 1.0]]))
    p = torch.sigmoid(torch.tensor([2.0, -1.0]))
    assert cells[0].tolist() == pytest.approx((-((1 - p) ** 2) * p.log()).tolist(), rel=1e-4)


@pytest.mark.parametrize(
    ("task", "loss", "message"),
    [
        (Multi(), CrossEntropy(), "CrossEntropy is for texts of one label; set loss=binary_cross_entropy"),
        (Single(), BinaryCrossEntropy(), "BinaryCrossEntropy is for texts of several labels; set task=multi"),
    ],
)
def test_a_loss_of_another_task_is_refused(task, loss, message):
    with pytest.raises(ConfigError, match=message):
        task.check_loss(loss)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["task=multi", "loss=cross_entropy"], "model.loss: CrossEntropy is for texts of one label"),
        (
            ["task=multi", "optimized_metric=accuracy"],
            "optimized_metric: task=multi has no accuracy; there are",
        ),
        (["task=multi", "task.threshold=2"], "task.threshold=2: expected "),
        (["data.label_separator='|'"], "data.label_separator=|: each text has one label here"),
        (["data.multi_label=true"], "data.multi_label=true and task=single: set task=multi alone"),
        (["task=multi", "model.loss.pos_weight=heavy"], "model.loss.pos_weight=heavy: expected balanced"),
    ],
)
def test_a_mistake_is_one_line(overrides, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["train", "data.dir=nowhere", f"paths.output_dir={tmp_path}", *overrides])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_preprocess_writes_labels_that_it_reads_again(emotions, tiny_backbone, tmp_path):
    given = [
        f"data.backbone={tiny_backbone}",
        "data.multi_label=true",
        "data.label_separator='|'",
        "data.max_length=32",
    ]
    main(["preprocess", "data=files", f"data.dir={emotions}", f"into={tmp_path / 'once'}", *given])
    main(["preprocess", "data=files", f"data.dir={tmp_path / 'once'}", f"into={tmp_path / 'twice'}", *given])
    once, twice = (read_json(tmp_path / name / "report.json")["splits"] for name in ("once", "twice"))
    for split in (*once.values(), *twice.values()):
        del split["files"]  # their paths differ
    assert json.dumps(once) == json.dumps(twice)
