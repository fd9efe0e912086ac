import pytest
from benchmarks.measuring import alternate, faster, ratio


def test_ways_take_turns_after_a_warm_up():
    calls = []
    ways = {name: lambda repetition, name=name: calls.append((name, repetition)) or 1.0 for name in ("a", "b")}
    assert alternate(ways, 2) == {"a": [1.0, 1.0], "b": [1.0, 1.0]}
    assert calls == [("a", 0), ("b", 0), ("a", 0), ("b", 0), ("a", 1), ("b", 1)]


def test_the_ratio_is_the_median_of_those_of_each_repetition():
    assert ratio([10, 1, 30], [10, 10, 10]) == 1.0
    row = faster("work", {"ours": [30.0, 40.0, 10.0], "peer": [10.0, 10.0, 10.0]}, "ours", "peer", target=2, unit="t/s")
    assert (row.ours, row.peer, row.ratio, row.met) == ("30.0 t/s", "10.0 t/s", "3.00x", True)


@pytest.mark.parametrize(("target", "met"), [(3, True), (3.01, False)])
def test_a_target_is_met_or_not(target, met):
    assert faster("w", {"a": [3.0], "b": [1.0]}, "a", "b", target=target, unit="u").met is met
