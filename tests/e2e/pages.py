"""The page as its own process, and a browser to drive it."""

import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests import programs
from tests.e2e.faults import wait_for
from tests.ports import free_ports

needs_chromium = pytest.mark.requires("chromium")
on_each_screen = pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 390),
        ("dark", 1280),
        pytest.param("light", 1280, marks=pytest.mark.slow),
        pytest.param("dark", 390, marks=pytest.mark.slow),
    ],
)


@contextmanager
def serving(folder, *overrides):
    """The address of `sentiment ui` with these overrides; its log lies in `folder`."""
    [port] = free_ports(1)
    command = [sys.executable, "-m", "sentiment", "ui", f"port={port}", *overrides]
    log = folder / f"ui-{port}.log"
    with log.open("wb") as output:
        running = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            wait_for(lambda: b"Running on local URL" in log.read_bytes() or running.poll() is not None, 240)
            assert running.poll() is None, log.read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait(60)


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        started = playwright.chromium.launch(executable_path=programs.find("chromium"), args=["--no-sandbox"])
        yield started
        started.close()
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def opened(browser, url, **options):
    """The page in a fresh session; nothing may be asked of another host."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
    context.set_default_timeout(60_000)
    tab = context.new_page()
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(url)
    yield tab
    foreign = [address for address in asked if not address.startswith((url, "data:", "blob:"))]
    context.close()
    assert foreign == []


def classify(tab, text):
    tab.get_by_role("textbox", name="Text").first.fill(text)
    tab.get_by_role("button", name="Classify").click()


def compare(tab, first, second):
    tab.get_by_role("tab", name="Compare").click()
    tab.get_by_label("First text").fill(first)
    tab.get_by_label("Second text").fill(second)
    tab.get_by_role("button", name="Compare").click()
