"""Ctrl-C at a time when nothing is left half done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """A signal that asks to stop is obeyed, as KeyboardInterrupt, once the block is done."""
    if threading.current_thread() is not threading.main_thread():  # no other one gets signals
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """A polite kill ends the block as Ctrl-C does, with KeyboardInterrupt; handlers are put back after it."""
    if threading.current_thread() is not threading.main_thread():  # no other one gets signals
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_on_signals() -> None:
    """Let a polite kill end the process as Ctrl-C does."""
    for number in SIGNALS:
        signal.signal(number, interrupt)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt
