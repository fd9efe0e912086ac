import os
import signal
import threading

import pytest

from sentiment.console import uninterrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_waits_until_the_block_is_done(number):
    done = []
    before = signal.getsignal(number)

    def work():
        with uninterrupted():
            os.kill(os.getpid(), number)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["all of it"]
    assert signal.getsignal(number) is before


def test_a_failure_in_the_block_is_not_hidden_by_a_signal():
    def fail():
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()


def test_other_threads_may_use_it():
    done = []

    def work():
        with uninterrupted():
            done.append(1)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [1]
