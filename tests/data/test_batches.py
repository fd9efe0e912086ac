import random

import pytest

from sentiment.data.batches import IGNORE_INDEX, Collate, LengthGroupedSampler, RankBatchSampler

LENGTHS = [random.Random(0).randint(3, 120) for _ in range(1000)]


def order(**changes):
    return LengthGroupedSampler(LENGTHS, **{"batch_size": 16, "seed": 1, **changes})


def test_an_epoch_has_every_row_once():
    batches = list(order())
    assert sorted(row for batch in batches for row in batch) == list(range(1000))
    assert len(batches) == len(order())


def test_grouping_leaves_little_padding():
    padded = sum(len(batch) * max(LENGTHS[i] for i in batch) for batch in order())
    assert padded < 1.1 * sum(LENGTHS)


def test_the_order_is_fixed_by_seed_and_epoch():
    first, second = order(), order()
    assert list(first) == list(second)
    second.set_epoch(1)
    assert list(first) != list(second)
    assert list(first) != list(order(seed=2))


def test_a_resumed_epoch_has_the_batches_that_were_left():
    resumed = order()
    resumed.skip(10)
    assert list(resumed) == list(order())[10:]
    assert list(resumed) == list(order()), "the next epoch is whole again"


@pytest.mark.parametrize("world", [1, 2, 3, 16])
def test_processes_share_each_batch_without_a_row_twice(world):
    shares = [list(RankBatchSampler(order(), rank=rank, world=world)) for rank in range(world)]
    together = [[row for part in parts for row in part] for parts in zip(*shares, strict=True)]
    assert [sorted(batch) for batch in together] == [sorted(batch) for batch in order()]


def test_a_process_without_a_row_gets_one_that_nothing_counts():
    batch = Collate(pad_id=9)([])
    assert (batch["input_ids"].tolist(), batch["labels"].tolist()) == ([[9]], [IGNORE_INDEX])


def test_a_batch_is_padded_to_its_own_longest_row():
    batch = Collate(pad_id=9)([{"input_ids": [1, 2, 3], "label": 0}, {"input_ids": [4], "label": 1}])
    assert batch["input_ids"].tolist() == [[1, 2, 3], [4, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["labels"].tolist() == [0, 1]
