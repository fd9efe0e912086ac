"""What of a batch is computed in one call of a worker, what is told to come again, and what is too much."""

import time

import pytest

from sentiment.errors import RequestError
from sentiment.inference.predictor import Predictor
from sentiment.worker.admission import Admission, Rate, measure

LONG = "word " * 100  # 32 tokens, as many as the model reads
SECONDS = 10.0


@pytest.fixture(scope="module")
def predictor(tiny_run):
    return Predictor.load(tiny_run)


class Fixed(Rate):
    def add(self, tokens, seconds):
        pass


def admission(predictor, best, late=None):
    """One that takes its worker for able to compute so many tokens in a call, and does not learn otherwise."""
    return Admission(predictor, seconds=SECONDS, rate=Fixed(best / SECONDS, (late or best) / SECONDS))


def statuses(outcomes):
    return [one.status if isinstance(one, RequestError) else 200 for one in outcomes]


@pytest.fixture
def clock(predictor, monkeypatch):
    """Let time pass for what is computed alone: 100 tokens a second."""
    compute, seconds = predictor.compute, [0.0]

    def slow(rows):
        seconds[0] += sum(map(len, rows)) / 100
        return compute(rows)

    monkeypatch.setattr(predictor, "compute", slow)
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])


def test_all_is_answered_where_it_fits(predictor):
    requests = [["good film"], ["bad meal"] * 9, [], [LONG] * 40]
    answers = admission(predictor, 100_000).answer(requests)
    assert [[one.label for one in answer] for answer in answers] == [
        [one.label for one in predictor.predict(texts)] if texts else [] for texts in requests
    ]


def test_short_requests_are_answered_and_long_ones_beside_each_other_are_told_when_to_ask_again(predictor, clock):
    requests = [[LONG] * 28, [LONG] * 30, ["good film"], [LONG] * 29, ["bad meal"], [LONG] * 31]
    outcomes = admission(predictor, 1_000).answer(requests)
    assert statuses(outcomes) == [200, 503, 200, 503, 200, 503]
    waits = [outcomes[i].retry_after for i in (3, 1, 5)]
    assert waits == sorted(waits)
    assert waits[0] >= 1
    assert waits[2] - waits[0] >= 2 * 29 * 32 / 1_000 * SECONDS - 2  # each after those before it


def test_a_request_that_no_call_can_hold_is_too_large_and_names_the_limit(predictor):
    outcomes = admission(predictor, 1_000).answer([["good film"], [LONG] * 40])
    assert statuses(outcomes) == [200, 413]
    assert str(outcomes[1]) == (
        "40 texts of over 1,000 tokens in all, more than this server computes in 10 s; send fewer in one request"
    )
    assert outcomes[1].reason == "too_many"


def test_one_text_is_never_too_much(predictor):
    assert statuses(admission(predictor, 8).answer([[LONG]])) == [200]


def test_single_texts_are_computed_in_one_call_however_slow_the_machine_is(predictor, monkeypatch):
    answer, calls = predictor.answer, []

    def counted(encoded):
        calls.append(len(encoded))
        return answer(encoded)

    monkeypatch.setattr(predictor, "answer", counted)
    requests = [[LONG], ["good film"], [LONG] * 3, [LONG], ["bad meal"]]
    assert statuses(admission(predictor, 100, 10).answer(requests)) == [200] * 5
    assert calls == [4, 3]


def test_a_slow_machine_computes_what_it_could_at_its_best(predictor, clock):
    made = admission(predictor, 1_000, 10)
    assert statuses(made.answer([[LONG] * 28, [LONG] * 29])) == [200, 503]


def test_a_request_that_fails_fails_alone(predictor, monkeypatch):
    compute = predictor.compute

    def fragile(rows):
        if any(len(row) == 5 for row in rows):  # of three words
            raise RuntimeError("shapes")
        return compute(rows)

    monkeypatch.setattr(predictor, "compute", fragile)
    outcomes = admission(predictor, 100_000).answer([["good film"], ["one two three"], ["bad meal"]])
    assert statuses(outcomes) == [200, 500, 200]
    assert outcomes[1].reason == "internal"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA error: out of memory")])
def test_a_machine_that_fails_is_told_to_torchserve(predictor, monkeypatch, error):
    def broken(rows):
        raise error

    monkeypatch.setattr(predictor, "compute", broken)
    with pytest.raises(type(error)):
        admission(predictor, 100_000).answer([["good film"], ["bad meal"]])


def test_the_rate_is_measured_and_follows_what_is_seen(predictor):
    rate = measure(predictor)
    assert rate.best == rate.late > 0
    rate.add(int(rate.best), 2.0)
    assert rate.late < rate.best
    before = rate.best
    rate.add(int(before * 10), 1.0)
    assert rate.best > before
