from itertools import combinations

import pytest
import torch
from transformers import pipeline

from sentiment.errors import ModelError
from sentiment.evaluation.calibration import apply_temperature
from sentiment.export.huggingface import update_preprocessing
from sentiment.inference.batching import group_by_length
from sentiment.inference.export_dir import export_folder
from sentiment.inference.predictor import Predictor

TEXTS = ["good film", "bad " * 40, "bad meal", "good song and so on and so on", "5"]


@pytest.fixture(scope="module")
def predictor(tiny_run):
    return Predictor.load(tiny_run)


def test_the_order_of_texts_is_the_order_of_answers(predictor):
    together = predictor.probabilities(TEXTS)
    alone = torch.cat([predictor.probabilities([text]) for text in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_memory_is_bounded_and_answers_do_not_depend_on_the_bound(predictor, tiny_run):
    narrow = Predictor.load(tiny_run, max_tokens=40)
    torch.testing.assert_close(narrow.probabilities(TEXTS), predictor.probabilities(TEXTS), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("lengths", "groups"),
    [
        ([], []),
        ([50], [[0]]),  # longer than a group may be, and still computed
        ([20, 20, 20, 20], [[0, 1], [2, 3]]),
        ([10, 30, 20, 20, 9, 50], [[5], [1], [2, 3], [0, 4]]),
        ([10, 30, 20, 20, 1, 50], [[5], [1], [2, 3], [0], [4]]),  # nine tokens of padding cost more than a call
    ],
)
def test_rows_are_grouped_so_that_padding_and_calls_cost_least(lengths, groups):
    assert group_by_length(lengths, 40) == groups


def test_no_other_cut_of_sorted_rows_costs_less():
    lengths = [int(n) for n in torch.randint(1, 30, (9,), generator=torch.Generator().manual_seed(0))]
    ordered = sorted(lengths, reverse=True)
    cuts = [sorted(cut) for size in range(9) for cut in combinations(range(1, 9), size)]
    every = [[ordered[a:b] for a, b in zip([0, *cut], [*cut, 9], strict=True)] for cut in cuts]
    costs = [sum(len(g) * g[0] + 4 for g in groups) for groups in every if all(len(g) * g[0] <= 64 for g in groups)]
    found = [[lengths[i] for i in group] for group in group_by_length(lengths, 64)]
    assert sorted(i for group in group_by_length(lengths, 64) for i in group) == list(range(9))
    assert sum(len(g) * max(g) + 4 for g in found) == min(costs)


def test_scores_are_those_of_a_plain_transformers_pipeline(tiny_copy):
    change(tiny_copy, temperature=1.0)
    predictor = Predictor.load(tiny_copy)
    classify = pipeline("text-classification", model=str(tiny_copy / "export"), top_k=None)
    for text, own in zip(TEXTS[2:], predictor.predict(TEXTS[2:]), strict=True):
        theirs = {entry["label"]: entry["score"] for entry in classify([text])[0]}
        assert own.probabilities == pytest.approx(theirs, abs=1e-5)
        assert own.label == max(theirs, key=theirs.get)


def test_temperature_softens_the_scores(tiny_copy):
    change(tiny_copy, temperature=10.0)
    assert Predictor.load(tiny_copy).predict(["good film"])[0].score < 0.7


def test_the_windows_of_a_long_text_are_averaged(tiny_copy):
    change(tiny_copy, temperature=1.0)
    plain = Predictor.load(tiny_copy)
    change(tiny_copy, window_step=30)
    text = "good film " * 30 + "bad meal " * 15  # windows of 30 tokens: two good ones, one bad
    parts = ["good film " * 15, "good film " * 15, "bad meal " * 15]
    windowed = Predictor.load(tiny_copy, max_tokens=40)
    [found, short] = windowed.predict([text, "bad meal"])
    expected = plain.probabilities(parts).mean(dim=0)
    assert list(found.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-5)
    assert (found.tokens, found.truncated) == (92, False)
    assert short.probabilities == pytest.approx(plain.predict(["bad meal"])[0].probabilities, abs=1e-5)
    assert plain.predict([text])[0].truncated
    change(tiny_copy, temperature=2.0)
    [softer] = Predictor.load(tiny_copy).predict([text])
    assert list(softer.probabilities.values()) == pytest.approx(apply_temperature(expected, 2.0).tolist(), abs=1e-5)


def change(run, **values):
    update_preprocessing(run / "export", **values)


def test_no_texts_give_no_predictions(predictor):
    assert predictor.predict([]) == []


def test_a_folder_that_is_no_run_is_refused(tmp_path, tiny_copy):
    with pytest.raises(ModelError, match="no such folder"):
        export_folder(tmp_path / "nothing")
    (tiny_copy / "export" / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no complete export"):
        export_folder(tiny_copy)
