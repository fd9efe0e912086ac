import pytest
import torch

from sentiment.evaluation import computation

LABELS = ["negative", "positive"]


def test_scores_are_those_counted_by_hand():
    probabilities = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    scores = computation.score(probabilities, torch.tensor([0, 0, 1, 1]), LABELS)
    assert scores["accuracy"] == pytest.approx(0.5)
    assert scores["precision/negative"] == pytest.approx(1 / 2)
    assert scores["recall/positive"] == pytest.approx(1 / 2)
    assert scores["f1"] == pytest.approx(0.5)
    assert scores["auroc"] == pytest.approx(0.75)  # of 4 pairs of classes, 3 are in order
    assert scores["loss"] == pytest.approx(-torch.tensor([0.9, 0.4, 0.8, 0.3]).log().mean().item())


def test_macro_f1_weighs_a_rare_class_as_much_as_a_common_one():
    probabilities = torch.tensor([[0.9, 0.1]] * 10)
    scores = computation.score(probabilities, torch.tensor([0] * 9 + [1]), LABELS)
    assert scores["accuracy"] == pytest.approx(0.9)
    assert scores["f1"] == pytest.approx((2 * 0.9 / 1.9 + 0) / 2)


def test_accumulation_over_batches_is_not_an_average_of_batches():
    whole, parts = computation.build(2), computation.build(2)
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(50, 2, generator=generator).softmax(-1)
    targets = torch.randint(0, 2, (50,), generator=generator)
    whole.update(probabilities, targets)
    for rows in (slice(0, 3), slice(3, 40), slice(40, 50)):
        parts.update(probabilities[rows], targets[rows])
    assert computation.flatten(parts.compute(), LABELS) == pytest.approx(computation.flatten(whole.compute(), LABELS))


def test_the_confusion_matrix_has_a_row_for_each_true_class():
    assert computation.confusion(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1]), 2) == [[1, 1], [0, 2]]


def test_macro_recall_is_the_mean_over_labels_that_have_rows():
    probabilities = torch.tensor([[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.2, 0.8, 0.0], [0.7, 0.3, 0.0]])
    scores = computation.score(probabilities, torch.tensor([0, 0, 0, 1]), ["a", "b", "c"])
    assert scores["macro_recall"] == pytest.approx((1 / 3 + 0) / 2)


@pytest.mark.parametrize(("answers", "undefined"), [([0, 1], {"recall/c", "precision/c"}), ([0, 2], {"recall/c"})])
def test_a_label_that_no_row_has_has_no_recall_and_without_an_answer_no_precision(answers, undefined):
    found = computation.score(torch.eye(3)[answers], torch.tensor([0, 1]), ["a", "b", "c"])
    every = {f"{name}/{label}" for name in ("recall", "precision") for label in "abc"}
    assert every - found.keys() == undefined
    assert found.get("precision/c", 0) == 0
