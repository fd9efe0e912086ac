"""What is answered past Gradio's queue takes its turn."""

import asyncio
import inspect
import threading

import gradio as gr
import pytest

from sentiment.ui.app_state import BUSY, Turns


def test_so_many_run_at_once_others_wait_and_more_are_refused():
    turns, go = Turns(at_once=2, waiting=3), threading.Event()
    under_way, most = [], []

    def work(number):
        under_way.append(number)
        most.append(len(under_way))
        go.wait(30)
        under_way.remove(number)
        return number

    async def visit():
        visitors = [asyncio.create_task(turns.taken(work)(number)) for number in range(5)]
        while len(most) < 2:
            await asyncio.sleep(0.01)
        with pytest.raises(gr.Error, match=BUSY):
            await turns.taken(work)(5)
        go.set()
        return await asyncio.gather(*visitors)

    assert asyncio.run(visit()) == [0, 1, 2, 3, 4]
    assert max(most) == 2


def test_an_error_gives_its_turn_back():
    turns = Turns(at_once=1, waiting=1)

    def fail():
        raise ValueError("no")

    async def visit():
        for _ in range(3):
            with pytest.raises(ValueError, match="no"):
                await turns.taken(fail)()

    asyncio.run(visit())


def test_gradio_sees_what_the_work_takes():
    def work(text: str, request: gr.Request) -> str:
        return text

    assert [*inspect.signature(Turns(1, 1).taken(work)).parameters] == ["text", "request"]


def test_work_under_way_does_not_keep_a_stopped_page_from_ending():
    """Python waits for threads that are no daemons. Gradio serves from a daemon, and its threads are daemons too."""
    found = []

    def serve():
        found.append(asyncio.run(Turns(1, 1).taken(lambda: threading.current_thread().daemon)()))

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    server.join(30)
    assert found == [True]
