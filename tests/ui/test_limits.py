import pytest

from sentiment.errors import TooManyRequestsError
from sentiment.ui.limits import Rate
from tests.clock import Clock


@pytest.fixture
def clock():
    return Clock()


def test_a_caller_gets_its_share_of_a_minute_and_is_told_when_to_come_back(clock):
    rate = Rate(3, clock=clock)
    for _ in range(3):
        rate.check("ann")
        clock.now += 10
    with pytest.raises(TooManyRequestsError, match="more than 3 requests in a minute; ask again in 30 s"):
        rate.check("ann")
    clock.now = 60.0  # the first of the three is a minute old
    rate.check("ann")
    with pytest.raises(TooManyRequestsError):
        rate.check("ann")


def test_one_caller_does_not_use_up_the_share_of_another(clock):
    rate = Rate(1, clock=clock)
    rate.check("ann")
    rate.check("ben")
    with pytest.raises(TooManyRequestsError):
        rate.check("ann")


def test_a_refused_call_costs_nothing(clock):
    rate = Rate(1, clock=clock)
    rate.check("ann")
    for clock.now in range(1, 60):
        with pytest.raises(TooManyRequestsError):
            rate.check("ann")
    clock.now = 60.0
    rate.check("ann")


def test_callers_of_long_ago_take_no_memory(clock):
    rate = Rate(1, clock=clock)
    for number in range(10_000):
        clock.now = float(number)
        rate.check(f"caller {number}")
    assert len(rate._calls) <= 60
