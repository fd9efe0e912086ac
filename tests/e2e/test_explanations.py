"""Explanations of the real server: those of the local model, in batches with predictions, and what they cost it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.faults import explaining, ready, wait_for, workers

pytestmark = pytest.mark.e2e

LONG = "word " * 2000  # as many characters as can be explained
PATIENT = 300.0  # s; what is costly takes long beside other tests


@pytest.fixture(scope="module", autouse=True)
def warm(server, http):
    """A worker that has begun anew: what its first explanation is answered, and what others are meanwhile."""
    [worker] = workers(server)
    worker.kill()
    worker.wait(60)
    ready(server)
    first = http.post("/explanations/sentiment", json={"text": "a day"}, timeout=PATIENT)
    beside = http.post("/predictions/sentiment", json={"text": "a day"}, timeout=PATIENT)
    explaining(server)
    return first, beside


def test_the_first_explanation_loads_its_weights_in_the_background(warm):
    first, beside = warm
    assert (first.status_code, first.headers["Retry-After"]) == (503, "5")
    assert first.json()["message"] == "the worker loads the weights that explanations need; ask again"
    assert beside.status_code == 200


def attributions(explanation):
    return [word.attribution for word in explanation.words]


def test_served_explanations_are_the_local_ones(server, local, texts):
    with server.client() as client:
        served = client.explain(texts[:2]) + client.explain(texts[2:3], "negative")
    expected = local.explain(texts[:2]) + local.explain(texts[2:3], "negative")
    for one, other in zip(served, expected, strict=True):
        assert (one.target, one.text, one.steps) == (other.target, other.text, other.steps)
        assert [word.text for word in one.words] == [word.text for word in other.words]
        assert attributions(one) == pytest.approx(attributions(other), abs=1e-2)


def test_each_request_of_a_batch_gets_what_it_asked_for(api, local, texts):
    """At once from many connections: TorchServe tells the handler which is which by the first one alone."""
    paths = ["/explanations/sentiment", *["/predictions/sentiment"] * 3]
    sent = [(path, text) for text in texts[:4] for path in paths]
    with ThreadPoolExecutor(12) as pool:
        got = list(pool.map(lambda asked: api.post(asked[0], json={"text": asked[1]}, timeout=PATIENT), sent))
    wanted = {text: one.label for text, one in zip(texts, local.predict(texts[:4]), strict=False)}
    for (path, text), answer in zip(sent, got, strict=True):
        explained = path.startswith("/explanations")
        assert answer.status_code in ((200, 503) if explained else (200,))
        if answer.status_code == 200:
            assert ("words" in answer.json()) == explained
            assert answer.json()["label"] == wanted[text]


def test_what_a_worker_has_no_time_for_is_told_to_ask_again_and_holds_up_nobody(api):
    """The longest texts at once beside plain ones."""
    short = {"json": {"text": "a day"}, "timeout": PATIENT}  # until the weights are loaded
    wait_for(lambda: api.post("/explanations/sentiment", **short).status_code == 200)
    sent = [("/explanations/sentiment", LONG), ("/predictions/sentiment", "a day")] * 6
    with ThreadPoolExecutor(12) as pool:
        got = list(pool.map(lambda asked: api.post(asked[0], json={"text": asked[1]}, timeout=PATIENT), sent))
    assert [answer.status_code for answer in got[1::2]] == [200] * 6
    told = [answer for answer in got[::2] if answer.status_code == 200]
    assert told
    assert all(answer.json()["truncated"] for answer in told)
    busy = [answer.json() for answer in got[::2] if answer.status_code != 200]
    assert {answer["message"] for answer in busy} <= {"the worker explains other texts; ask again"}


def test_a_request_that_would_cost_more_than_a_batch_may_is_413(api):
    answer = api.post("/explanations/sentiment", json={"texts": [LONG] * 8}, timeout=PATIENT)
    assert answer.status_code == 413
    assert "send fewer" in answer.json()["message"]


def test_without_its_best_word_a_text_loses_more_than_without_any_other(local, texts):
    best, mean = [], []
    for told in local.explain(texts[:8]):
        without = [told.text[: word.start] + told.text[word.end :] for word in told.words]
        lost = [told.prediction.score - one.probabilities[told.target] for one in local.predict(without)]
        best.append(lost[max(range(len(lost)), key=lambda i: told.words[i].attribution)])
        mean.append(sum(lost) / len(lost))
    assert sum(best) > 2 * abs(sum(mean))
