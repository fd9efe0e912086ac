"""task=scale from training to the archive's handler: label order, losses, decision, report, gate, REST and batch."""

import pytest
import torch

from sentiment.cli import main
from sentiment.errors import ConfigError
from sentiment.inference.predictor import Predictor
from sentiment.inference.scales import numbers_of
from sentiment.inference.types import Prediction
from sentiment.serving.rollout.gate import accuracy
from sentiment.training.losses import Corn, CrossEntropy, Squared
from sentiment.training.tasks import Scale, Single, scale_values
from sentiment.ui import render
from sentiment.ui.backend import State
from tests.conftest import read_csv, read_json, start_handler, write_csv
from tests.handling import ASKED, answers

LABELS = ["-2", "-1", "0", "1", "2"]


@pytest.fixture
def run(scale_run):
    return scale_run


def test_a_run_has_the_labels_in_their_order_and_the_scores_of_a_scale(run):
    task = read_json(run / "export" / "preprocessing.json")["task"]
    assert (task["kind"], task["values"], task["link"]) == ("scale", [-2.0, -1.0, 0.0, 1.0, 2.0], "corn")
    config = read_json(run / "export" / "config.json")
    assert list(config["id2label"].values()) == LABELS
    scores = read_json(run / "metrics.json")["test"]
    assert {"macro_mae", "mae", "quadratic_kappa", "spearman", "accuracy", "loss"} <= scores.keys()
    assert scores["macro_mae"] < 0.8
    assert scores["spearman"] > 0.6
    low, high = read_json(run / "intervals.json")["test"]["mae"]
    assert low <= scores["mae"] <= high
    compared = read_json(run / "baseline.json")["test"]
    assert compared["lead"] == pytest.approx(compared["scores"]["macro_mae"] - scores["macro_mae"], abs=1e-4)
    report = (run / "report" / "report.html").read_text()
    assert "from the right label on the scale, each label counting alike (macro MAE" in " ".join(report.split())
    assert "The baseline, which only counts words, is" in report
    assert "macro MAE" in (run / "export" / "README.md").read_text()


def test_evaluate_gives_the_scores_of_training_and_the_leaderboard_ranks_low_first(run, tmp_path):
    main(["evaluate", f"run={run}", f"output={tmp_path}"])
    ours, theirs = read_json(tmp_path / "metrics.json")["test"], read_json(run / "metrics.json")["test"]
    assert ours == pytest.approx(theirs, abs=1e-6)
    main(["sweep-report", f"folder={run.parent}", f"output={tmp_path}"])
    [row] = read_csv(tmp_path / "leaderboard.csv")
    assert float(row["test_macro_mae"]) == theirs["macro_mae"]


TEXTS = ["great film", "awful meal and so on", "plain"]


def test_every_runtime_and_the_batch_job_answer_alike(run, tmp_path):
    texts = TEXTS
    expected = Predictor.load(run).predict(texts)
    for one, other in zip(expected, Predictor.load(run, runtime="torch").predict(texts), strict=True):
        assert one.label == other.label
        assert one.value == pytest.approx(other.value, abs=1e-4)
        assert one.interval[0] <= one.value <= one.interval[1]
    write_csv(tmp_path / "in.csv", [(text,) for text in texts], header=("text",))
    main(["predict", f"run={run}", f"input={tmp_path / 'in.csv'}", f"output={tmp_path / 'out.csv'}"])
    rows = read_csv(tmp_path / "out.csv")
    assert list(rows[0])[-4:] == ["value", "low", "high", "unreadable_reason"]
    for one, row in zip(expected, rows, strict=True):
        assert row["prediction"] == one.label
        assert float(row["value"]) == pytest.approx(one.value, abs=1e-4)
        assert (float(row["low"]), float(row["high"])) == one.interval
    main(["verify", str(tmp_path / "out.csv"), f"run={run}"])


def test_the_handler_answers_in_every_form(run, handler, tmp_path):
    scale = start_handler(run / "export", tmp_path)
    expected = Predictor.load(run).predict(TEXTS)
    tensor = {"name": "text", "shape": [3], "datatype": "BYTES", "data": TEXTS}
    bodies = [{"texts": TEXTS}, {"instances": TEXTS}, {"inputs": [tensor]}]
    bodies += [{"inputs": [tensor], "outputs": [{"name": "value"}]}, {"text": TEXTS[0]}]
    got = answers(scale, *({"body": body} for body in bodies))
    assert [status for status, _ in got] == [200] * 5
    plain, v1, v2, value, one = (answer for _, answer in got)
    for found in (plain, v1):
        for prediction, other in zip(found["predictions"], expected, strict=True):
            assert prediction["label"] == other.label
            assert prediction["value"] == pytest.approx(other.value, abs=1e-4)
            assert prediction["interval"] == list(other.interval)
    outputs = {output["name"]: output for output in v2["outputs"]}
    assert list(outputs) == ["label", "score", "probabilities", "value", "interval"]
    assert outputs["value"]["data"] == pytest.approx([other.value for other in expected], abs=1e-4)
    assert (outputs["interval"]["shape"], len(outputs["interval"]["data"])) == ([3, 2], 6)
    assert [output["name"] for output in value["outputs"]] == ["value"]
    assert one["value"] == pytest.approx(expected[0].value, abs=1e-4)
    [(status, described)] = answers(scale, {"body": b""}, headers={0: {"describe": "True"}})
    assert (status, described["task"]["kind"]) == (200, "scale")
    [(status, explained)] = answers(scale, {"body": {"text": TEXTS[0]}}, headers={0: ASKED})
    assert (status, explained["target"]) == (200, expected[0].label)
    assert explained["value"] == pytest.approx(expected[0].value, abs=1e-3)


def test_a_model_of_plain_labels_has_no_value(handler):
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good film"]}
    rows = [{"body": {"inputs": [tensor], "outputs": [{"name": "value"}]}}, {"body": {"inputs": [tensor]}}]
    (status, refused), (fine, answer) = answers(handler, *rows)
    assert (status, fine) == (400, 200)
    assert refused["message"].startswith("no output 'value'; there are label, score, probabilities, tokens, truncated")
    assert [output["name"] for output in answer["outputs"]] == ["label", "score", "probabilities"]
    [(_, described)] = answers(handler, {"body": b""}, headers={0: {"describe": "True"}})
    assert "task" not in described


def test_the_gates_count_a_near_label_as_nearly_right(run):
    decoding = Predictor.load(run).decoding
    predictions = [decoding.answer(LABELS, row, tokens=3, truncated=False) for row in ([0.9, 0.1, 0, 0, 0],) * 2]
    answered = predictions[0].label
    assert accuracy(predictions, [answered, answered], decoding, LABELS) == 1
    near = LABELS[LABELS.index(answered) + 1]
    assert accuracy(predictions, [answered, near], decoding, LABELS) == 1 - 1 / 4 / 2


def test_the_page_shows_value_and_interval(run):
    [prediction] = Predictor.load(run).predict(TEXTS[:1])
    low, high = prediction.interval
    told = f"value {prediction.value:.2f}, 90 % between {low:g} and {high:g}".replace("-", "−")
    assert told in render.answer(prediction, State(None))


@pytest.mark.parametrize("loss", [CrossEntropy(), Corn(), Squared()], ids=lambda loss: type(loss).__name__)
def test_each_loss_is_lowest_at_the_right_distribution(loss):
    """Rows with label 1 of 0 to 3 half the time and 2 the other half; what is learned are these shares."""
    logits = torch.zeros(1, 4, requires_grad=True)
    targets = torch.tensor([1, 2])
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(400):
        optimizer.zero_grad()
        loss(logits.expand(2, 4), targets).sum().backward()
        optimizer.step()
    decoding = Scale().decoding(["0", "1", "2", "3"], {}, loss)
    learned = decoding.probabilities(logits.detach().numpy())[0].tolist()
    assert learned == pytest.approx([0, 0.5, 0.5, 0], abs=0.02)


def test_labels_are_ordered_by_their_numbers_and_words_have_to_be():
    assert Scale().order({"10", "9", "-1"}) == ["-1", "9", "10"]
    with pytest.raises(ConfigError, match="task=scale: the label 'bad' is no number; name the labels in order"):
        Scale().order({"bad", "1"})
    with pytest.raises(ConfigError, match="task=scale: the labels 1 star, 2 cats have several units; name"):
        Scale().order({"2 cats", "1 star"})
    assert scale_values(["low", "mid", "high"]) == (0.0, 1.0, 2.0)
    for labels in (["5", "1"], ["2 stars", "1 star"]):
        with pytest.raises(ConfigError, match="numbers out of order; name the lowest first"):
            scale_values(labels)
    told = r"the labels '1 Star' and '1 star' are both 1; data.label_map={1 star: 1 Star} makes them one"
    with pytest.raises(ConfigError, match=told):
        scale_values(Scale().order({"2 stars", "1 star", "1 Star"}))


def test_labels_with_one_unit_stand_for_their_numbers():
    assert Scale().order({"10 stars", "1 star", "5 Stars"}) == ["1 star", "5 Stars", "10 stars"]
    assert scale_values(["1 star", "2 stars", "5 stars"]) == (1, 2, 5)
    assert numbers_of(["-2", "-0.5", "1e1"]) == [-2, -0.5, 10]
    assert numbers_of(["1/5", "5/5"]) == [1, 5]
    for labels in (["1 star", "2 cats"], ["1", "2 stars"], ["1", "nan"], ["1", "inf"], ["1", "1e999"], ["1", "None"]):
        assert numbers_of(labels) is None
    for labels in (
        ["0,5", "1,5"],
        ["1,000", "2,000"],
        ["1-2", "3-2"],
        ["2024-01-01", "2025-01-01"],
        ["1 000", "2 000"],
    ):
        assert numbers_of(labels) is None  # they were 0 and 1, or 1 and 2
        with pytest.raises(ConfigError, match="^task=scale: the label '?.* is no number; name the labels in order"):
            Scale().order(labels)
    stars = {"1 star": 0.0, "2 stars": 0.5, "5 stars": 0.5}
    assert Prediction("2 stars", 0.5, stars, value=3.5).polarity == pytest.approx(0.25)


def test_the_loss_of_a_scale_needs_the_scale():
    with pytest.raises(ConfigError, match="model.loss: Corn is for ordered labels; set task=scale"):
        Single().decoding(["a", "b"], {}, Corn())


def test_the_prior_that_is_divided_out_is_what_the_loss_has_seen():
    labels, counts = ["0", "1"], {"0": 30, "1": 10}
    assert Scale().decoding(labels, counts, CrossEntropy()).prior == pytest.approx((0.75, 0.25))
    weighted = CrossEntropy(weights="balanced")
    weighted.prepare(labels, counts)
    assert Scale().decoding(labels, counts, weighted).prior == pytest.approx((0.5, 0.5))
    assert Scale(decision="median").decoding(labels, counts, CrossEntropy()).prior is None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["optimized_metric=macro_mae"], "optimized_metric: task=single has no macro_mae; there are accuracy, f1"),
        (["task=scale", "optimized_metric=auroc"], "optimized_metric: task=scale has no auroc; there are macro_mae"),
        (["task=scale", "task.decision=mean"], "task.decision=mean: expected "),
        (["task=scle"], "task has no option 'scle'; did you mean scale?"),
    ],
)
def test_a_mistake_is_one_line(overrides, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["train", "data.dir=nowhere", f"paths.output_dir={tmp_path}", *overrides])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
