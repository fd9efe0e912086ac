"""What the second reading of the rows gets from the first."""

import numpy as np
import pytest

from sentiment.monitoring.rows import Chunk
from sentiment.monitoring.spool import Spool


def chunk(*texts: str) -> Chunk:
    count = len(texts)
    times = np.arange(count).astype("datetime64[s]")
    return Chunk(times, ["a"] * count, [*texts], np.full((count, 2), 0.5), np.arange(count), None, ["why"] * count)


def test_chunks_come_back_as_they_were():
    given = [chunk("good", "zoë\n😡"), chunk("bad")]
    with Spool() as spool:
        for one in given:
            spool.add(one)
        assert spool.complete
        for one, back in zip(2 * given, [*spool.chunks(), *spool.chunks()], strict=True):
            assert (back.texts, back.groups, back.reasons) == (one.texts, one.groups, one.reasons)
            for name in ("times", "probabilities", "answers"):
                assert (getattr(back, name) == getattr(one, name)).all()


@pytest.mark.parametrize("most", [1, 600])
def test_of_too_many_none_is_kept(most):
    with Spool(most) as spool:
        for _ in range(3):
            spool.add(chunk("a text"))
        assert not spool.complete
