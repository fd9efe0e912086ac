"""The growth of a server's memory, measured on series whose growth is known."""

import math
import random

import pytest
from benchmarks.resident import Look, Resident


def memory(*, leak=0.0, lives=((0, 120), (0, 240), (120, 360), (240, 480), (360, 600), (480, 600)), kind="worker"):
    """Processes that grow to 640 MB as they warm up, with peaks, and leak so many MB a minute; an attack a second."""
    rng, made = random.Random(0), Resident()
    for pid, (start, end) in enumerate(lives):
        made.looks[kind][pid] = [
            Look(s, 640 - 60 * math.exp(-(s - start) / 15) + leak * (s - start) / 60 + rng.choice((0, 0, 5, 40)), s)
            for s in range(start, end)
        ]
    return made


def java(sizes, *, leak=0.0):
    """A look each second at Java, which had these sizes at each fifth of ten minutes."""
    made = Resident()
    for second in range(600):
        fifth, part = divmod(second / 120, 1)
        size = sizes[int(fifth)] * (1 - part) + sizes[int(fifth) + 1] * part
        made.looks["Java"].setdefault(1, []).append(Look(second, size + leak * second / 60, second))
    return made.growth("Java")


def test_restarts_and_peaks_are_no_growth():
    assert abs(memory().growth("worker")[1]) < 0.5


@pytest.mark.parametrize("leak", [1.0, 5.0])
def test_what_leaks_in_each_of_two_workers_counts_twice(leak):
    assert memory(leak=leak).growth("worker")[1] == pytest.approx(2 * leak, abs=0.5)


def test_a_process_that_lives_on_counts_once():
    assert memory(leak=3.0, lives=((0, 600),), kind="Java").growth("Java")[1] == pytest.approx(3.0, abs=0.3)


SOAKED = (211, 236, 253, 284, 287, 287)  # MB of Java in a soak of ten minutes, whose heap filled up to its plateau


def test_a_plateau_is_no_growth_and_a_leak_on_top_of_it_is():
    assert java(SOAKED)[1] < 2 < java(SOAKED, leak=3.0)[1]


def test_growth_without_a_plateau_shows_in_all_quartiles():
    low, median, high = java((200,) * 6, leak=3.0)
    assert (low, median, high) == pytest.approx((3.0, 3.0, 3.0), abs=0.01)


def test_a_leak_in_steps_is_one():
    made = Resident()
    made.looks["Java"][1] = [Look(s, 200 + 6 * (s // 120), s) for s in range(600)]
    assert made.growth("Java")[1] == pytest.approx(3.0, abs=0.6)


def test_sizes_of_one_age_are_those_of_each_process_that_got_so_old():
    ages = memory(lives=((0, 40), (0, 240), (120, 360))).at_age("worker", 75)
    assert ages == [pytest.approx(640, abs=2)] * 2
    assert memory().together("worker")[1] == pytest.approx(2 * 640, abs=120)


def test_a_soak_that_is_too_short_is_none():
    with pytest.raises(ValueError, match="no worker lived for 45 s after 75 attacks: take longer"):
        memory(lives=((0, 90),)).growth("worker")
