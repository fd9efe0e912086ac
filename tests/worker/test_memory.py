"""A worker returns what a large request has taken, and does nothing of the kind after a small one."""

import subprocess
import sys

import pytest

from sentiment.worker.memory import LARGE, is_large
from tests.conftest import ROOT

HELD = """
import psutil
from sentiment.worker.memory import give_back
blocks = [bytearray(1000) for _ in range(100_000)]
last = bytearray(1000)  # keeps the heap from shrinking by itself
del blocks
before = psutil.Process().memory_info().rss
give_back()
print(before - psutil.Process().memory_info().rss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="malloc_trim is glibc's")
def test_freed_memory_is_returned():
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, cwd=ROOT, check=True)
    assert int(done.stdout) > 50_000_000


def test_the_bodies_of_a_batch_count_together():
    assert not is_large([{"body": b"a" * 100}, {"data": "b"}, {"body": {"parsed": 1}}])
    assert is_large([{"body": b"a" * (LARGE // 2)}, {"body": bytearray(LARGE // 2 + 1)}])
