import math
from dataclasses import replace

import pytest
import torch
from captum.attr import LayerIntegratedGradients
from transformers import BertConfig, BertForSequenceClassification

from sentiment.errors import RequestError
from sentiment.inference.explanations import MAX_STEPS, MIN_STEPS, OPERATIONS, Explainer, operations, words
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.types import Explanation
from sentiment.protocol.requests import Explain, Many, One
from sentiment.worker.explain_queue import explain_batch

TEXTS = ["good film and so on", "bad meal", "a good room, a bad trip", "https://a.b/c don&#39;t <b>say</b> so-so :-)"]


@pytest.fixture(scope="module")
def predictor(tiny_run):
    return Predictor.load(tiny_run)


@pytest.fixture
def explainer(predictor):
    return Explainer(
        predictor.model,
        predictor.tokenizer,
        predictor.pad_id,
        predictor.preprocessing,
        predictor.labels,
        predictor.readability,
    )


def spoken(explanation: Explanation) -> list[str]:
    return [word.text for word in explanation.words]


@pytest.mark.parametrize("text", TEXTS)
def test_attributions_are_those_of_captum(predictor, explainer, text):
    plan = explainer.plan(text, "positive")

    def score(ids):
        return predictor.decoding.log_odds(
            predictor.model(input_ids=ids).logits / predictor.preprocessing.temperature, 1
        )

    theirs = LayerIntegratedGradients(score, predictor.model.get_input_embeddings())
    blank = [*plan.ids[:1], *[predictor.pad_id] * (len(plan.ids) - 2), *plan.ids[-1:]]
    found = theirs.attribute(
        torch.tensor([plan.ids]), torch.tensor([blank]), n_steps=plan.steps, method="gausslegendre"
    )
    expected = words(plan, found.sum(-1)[0, 1:-1].tolist())
    own = explainer.explain(plan).words
    assert [word.attribution for word in own] == pytest.approx([word.attribution for word in expected], abs=1e-4)


@pytest.mark.parametrize("target", ["positive", "negative"])
@pytest.mark.parametrize("text", TEXTS)
def test_baseline_words_and_delta_add_up_to_the_log_odds(predictor, text, target):
    [told] = predictor.explain([text], target)
    p = told.prediction.probabilities[target]
    total = told.baseline + sum(word.attribution for word in told.words) + told.delta
    assert total == pytest.approx(math.log(p / (1 - p)), abs=1e-3)
    assert abs(told.delta) < 0.05 * abs(total - told.baseline) + 0.05


def test_the_prediction_explained_is_the_one_predicted(predictor):
    for told, expected in zip(predictor.explain(TEXTS), predictor.predict(TEXTS), strict=True):
        assert told.target == told.prediction.label == expected.label
        assert told.prediction.probabilities == pytest.approx(expected.probabilities, abs=1e-5)
        assert (told.prediction.tokens, told.prediction.truncated) == (expected.tokens, expected.truncated)


def test_of_two_labels_what_speaks_for_one_speaks_against_the_other(predictor):
    one, other = (predictor.explain(["a good film"], target)[0].words for target in ("positive", "negative"))
    assert [w.attribution for w in one] == pytest.approx([-w.attribution for w in other], abs=1e-4)


def test_words_point_into_the_raw_text_and_joints_part_none(predictor):
    [told] = predictor.explain([TEXTS[3]])
    assert told.text == TEXTS[3]
    assert spoken(told) == ["https://a.b/c", "don&#39;t", "say", "so-so", ":-)"]
    assert all(told.text[word.start : word.end] == word.text for word in told.words)


def test_what_cleaning_rewrote_is_one_word_of_the_raw_text(predictor):
    [told] = predictor.explain(["@joe_d: worst\u2764\ufe0f cafe\u0301 &#x1F621;\U0001f44d\U0001f3fd"])
    assert spoken(told) == ["@joe_d", ":", "worst", "\u2764\ufe0f", "cafe\u0301", "&#x1F621;", "\U0001f44d\U0001f3fd"]


def test_a_mark_of_capitals_counts_for_the_word_after_it(predictor):
    loud = replace(predictor.preprocessing, cleaning=replace(predictor.preprocessing.cleaning, capitals=True))
    made = Explainer(
        predictor.model, predictor.tokenizer, predictor.pad_id, loud, predictor.labels, predictor.readability
    )
    told = made.explain(made.plan("a BAD MEAL"))
    assert spoken(told) == ["a", "BAD", "MEAL"]
    p = told.prediction.score
    total = told.baseline + sum(word.attribution for word in told.words) + told.delta
    assert total == pytest.approx(math.log(p / (1 - p)), abs=1e-3)


def test_word_pieces_are_summed_to_words(predictor):
    [told] = predictor.explain(["unbelievably good"])
    assert told.prediction.tokens > 4
    assert spoken(told) == ["unbelievably", "good"]


@pytest.mark.parametrize(("how", "kept"), [("head", "0 1 2 3 4"), ("tail", "6 7 8 9 10"), ("head_tail", "0 7 8 9 10")])
def test_only_what_is_read_is_explained(predictor, how, kept):
    short = Preprocessing(max_length=7, truncation=how)
    made = Explainer(
        predictor.model, predictor.tokenizer, predictor.pad_id, short, predictor.labels, predictor.readability
    )
    told = made.explain(made.plan(" ".join(map(str, range(11)))))
    assert spoken(told) == kept.split()
    assert told.prediction.truncated


def test_a_label_the_model_lacks_is_refused(predictor):
    with pytest.raises(RequestError, match="no label 'sad'; this model has negative, positive"):
        predictor.explain(["good"], "sad")


def test_without_the_best_word_the_label_is_less_probable_than_without_another(predictor):
    """Over texts of one telling word each: what the removal of a word costs the label."""
    best, others = [], []
    for text in ("good film", "bad meal", "so on and good song", "and so the bad room", "a book so good"):
        [told] = predictor.explain([text])
        ranked = sorted(told.words, key=lambda word: -word.attribution)
        without = [told.text[: word.start] + told.text[word.end :] for word in ranked]
        left = [prediction.probabilities[told.target] for prediction in predictor.predict(without)]
        best.append(told.prediction.score - left[0])
        others.append(told.prediction.score - sum(left[1:]) / len(left[1:]))
    assert sum(best) > 5 * abs(sum(others)) > 0


def wide(hidden: int, layers: int) -> BertForSequenceClassification:
    with torch.device("meta"):  # shapes without memory
        return BertForSequenceClassification(
            BertConfig(
                hidden_size=hidden, num_hidden_layers=layers, intermediate_size=4 * hidden, num_attention_heads=4
            )
        )


@pytest.mark.parametrize(("hidden", "layers"), [(384, 6), (768, 12), (1024, 24)], ids=["minilm", "base", "large"])
def test_no_text_costs_more_than_a_workers_time(predictor, hidden, layers):
    """The longest request there may be, for the sizes of BERT: cut where it must be, and never beyond OPERATIONS."""
    model = wide(hidden, layers)
    made = Explainer(
        model,
        predictor.tokenizer,
        predictor.pad_id,
        Preprocessing(max_length=512),
        predictor.labels,
        predictor.readability,
    )
    plan = made.plan("a b c d " * 1250)
    assert plan.cost * operations(model) <= OPERATIONS
    assert plan.truncated
    assert MIN_STEPS <= plan.steps <= MAX_STEPS
    assert plan.cost > 0.8 * made.budget  # no less is explained than can be


def test_requests_of_one_batch_share_its_budget(explainer):
    asked = [
        Explain(One("good film")),
        Explain(Many(("bad meal",) * 3)),
        Explain(One("good", "sad")),
        Explain(One("so")),
    ]
    explainer.budget = 4 * 16 + 3 * 4 * 16 - 1
    told = explain_batch(explainer, [*asked, asked[1], asked[0]])
    kinds = [one.status if isinstance(one, RequestError) else len(one) for one in told]
    assert kinds == [1, 503, 503, 503, 503, 503]
    explainer.budget += 1
    assert [e.status if isinstance(e, RequestError) else len(e) for e in explain_batch(explainer, asked)] == [
        1,
        3,
        503,
        503,
    ]
