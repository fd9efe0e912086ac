"""The page of a model on a scale, and of one with aspects, in their own words and order."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from rich.console import Console

from sentiment.data.quality import inspect
from sentiment.data.splits import Split
from sentiment.data.tokenizer_audit import Audit, Reading, SplitAudit, TokenizerAudit
from sentiment.evaluation.report.figures import curves, few_curves
from sentiment.evaluation.results import Results
from sentiment.evaluation.scoring import Evaluation
from sentiment.evaluation.terminal import scores_table
from sentiment.files import write_json
from sentiment.inference.exclusive import Scale
from sentiment.inference.multilabel import Multi
from sentiment.inference.preprocessing import Preprocessing
from tests.evaluation.report.test_page import page_of
from tests.evaluation.test_scale import LABELS, SCALE, answers


def on_a_scale(decoding=SCALE, *, aspects=None):
    probabilities, targets = answers()
    split = Split([f"text {i}." for i in range(300)], [LABELS[i] for i in targets], aspects=aspects)
    return Evaluation(LABELS, split, torch.from_numpy(probabilities), decoding=decoding).at(1.5)


def test_errors_on_a_scale_are_those_of_the_decided_labels(tmp_path):
    result = on_a_scale()
    assert (result.predicted != result.probabilities.argmax(dim=1)).any()
    page = page_of(Results({"test": result}), tmp_path)
    wrong = (result.predicted != result.targets).nonzero().flatten().tolist()
    sure = result.probabilities[torch.arange(300), result.predicted]
    for i in sorted(wrong, key=lambda i: -sure[i])[:12]:
        called = (
            f"called {LABELS[result.predicted[i]]} with probability {sure[i]:.3f}, labelled {LABELS[result.targets[i]]}"
        )
        assert f"text {i}.{called}" in page.text
    assert "place texts on the scale -2, -1, 0, 1, 2" in page.text
    assert "is the median of the distribution after the shares of the labels in training are divided out." in page.text
    assert "those of the most probable label, which is not always the answered one" in page.text
    assert "The label is decided on the probabilities that result." in page.text


def test_where_the_most_probable_label_is_answered_nothing_is_said_of_another(tmp_path):
    page = page_of(Results({"test": on_a_scale(Scale(SCALE.values, decision="argmax"))}), tmp_path)
    assert "That changes how sure it is, not which label it gives." in page.text
    assert "not always the answered one" not in page.text


def test_the_data_of_a_run_has_its_aspects_and_its_labels_in_order(tmp_path):
    result = on_a_scale(aspects=["screen", "battery", "price"] * 100)
    splits = {"train": replace(result.split, aspects=["screen", "price"] * 150), "test": result.split}
    audit = Audit(Reading(), Reading(), Reading(), {})
    read = TokenizerAudit({"test": SplitAudit(300, audit, {label: audit for label in sorted(LABELS)})}, [])
    lengths = {name: [3] * 300 for name in splits}
    report = inspect(splits, lengths, Preprocessing(max_length=8, aspects=True), dropped={}, tokenizer=read)
    write_json(tmp_path / "data_report.json", json.loads(json.dumps(report.to_json())))
    page = page_of(Results({"test": result}), tmp_path, own=True)
    assert page.row("aspects") == ["2", "3"]
    assert page.row("aspects in no earlier split") == ["2", "1"]
    assert "toward an aspect of each text" in page.text
    captions = [line for line in page.text[page.text.index("All labels") :].splitlines() if line in LABELS]
    assert captions == LABELS


@pytest.mark.parametrize("kind", ["scale", "multi"])
def test_of_many_labels_those_ranked_worst_are_drawn(kind):
    rows, count = 300, 40
    generator = np.random.default_rng(0)
    targets = np.arange(rows) % count
    logits = generator.normal(size=(rows, count))
    skill = np.where(np.arange(count) < 6, 0.0, 9.0)
    logits[np.arange(rows), targets] += skill[targets]
    names = [str(i) for i in range(count)]
    decoding = Multi((0.5,) * count) if kind == "multi" else Scale(tuple(range(count)))
    split = Split(["a text"] * rows, [(names[i],) if kind == "multi" else names[i] for i in targets])
    result = Evaluation(names, split, torch.from_numpy(logits).softmax(dim=1), decoding=decoding)
    assert curves(result) == [(i, str(i)) for i in range(6)]
    assert few_curves(result) == " Of 40 labels the 6 with the lowest average precision are drawn."


def test_a_label_without_a_curve_is_named():
    split = Split(["a text"] * 40, [("always", "joy"), ("always",)] * 20)
    rows = torch.tensor([[0.9, 0.4, 0.1], [0.8, 0.9, 0.1]]).repeat(20, 1)
    result = Evaluation(["always", "joy", "never"], split, rows, decoding=Multi((0.5,) * 3))
    assert curves(result) == [(1, "joy")]
    why = "either all texts have that label, or none does."
    assert few_curves(result) == f" There is no curve for always, never: {why}"


def test_the_table_on_the_terminal_cuts_no_interval_where_a_label_is_long():
    label = "a long name of surprise and of wonder that goes on"
    split = Split(["a text"] * 40, [(label,), ("joy",)] * 20)
    rows = torch.tensor([[0.7, 0.4], [0.2, 0.9]]).repeat(20, 1)
    rows[:4] = rows[:4].flip(1)
    result = Evaluation([label, "joy"], split, rows, decoding=Multi((0.5, 0.5)))
    terminal = Console(width=80)
    with terminal.capture() as shown:
        terminal.print(scores_table(Results({"validation": result, "test": result})))
    assert "…" not in shown.get()
    assert len(re.findall(r" \(\d\.\d{3}-\d\.\d{3}\) ", shown.get())) >= 2 * 8
