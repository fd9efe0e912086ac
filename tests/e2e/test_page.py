"""The page in a real browser."""

import csv
import os
import signal

import pytest

from tests.conftest import write_csv
from tests.e2e.test_ui import url  # noqa: F401

CHROMIUM = "/usr/bin/chromium"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not os.path.exists(CHROMIUM), reason="Debian's chromium is not installed"),
]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()
        for number, handler in handlers.items():
            signal.signal(number, handler)


@pytest.fixture
def tab(browser, url):  # noqa: F811
    """The page, just opened; nothing may be asked of another host."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    asked = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(url)
    opened.get_by_label("Text", exact=True).first.wait_for()
    yield opened
    foreign = [address for address in asked if not address.startswith((url, "data:", "blob:"))]
    opened.close()
    assert foreign == []


def test_a_typed_text_gets_its_label(tab):
    tab.get_by_role("textbox", name="Text").fill("good film")
    tab.get_by_role("button", name="Classify").click()
    tab.get_by_test_id("label-output-value").get_by_text("positive").wait_for()
    assert tab.title() == "Sentiment"


def test_an_empty_text_is_said_in_place(tab):
    tab.get_by_role("button", name="Classify").click()
    tab.get_by_text("text is empty").wait_for()


def test_a_table_is_predicted_and_brought_back(tab, tmp_path):
    rows = [(str(i), f"{'good' if i % 4 else 'bad'} film") for i in range(40)] + [("40", "")]
    source = write_csv(tmp_path / "mine.csv", rows, header=("id", "opinion"))
    tab.get_by_role("tab", name="File").click()
    tab.locator("input[type=file]").first.set_input_files(source)
    tab.get_by_label("Column with the texts").first.click()
    tab.get_by_role("option", name="opinion").click()
    tab.get_by_role("button", name="Predict").click()
    tab.get_by_text("1 of 41 rows could not be scored").wait_for()
    with tab.expect_download() as download:
        tab.locator("a[download='mine-predicted.csv']").click()
    download.value.save_as(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [row["id"] for row in found] == [str(i) for i in range(41)]
    assert [row["prediction"] for row in found][:5] == ["negative", "positive", "positive", "positive", "negative"]


def test_a_file_that_is_no_table_is_said_in_place(tab, tmp_path):
    (tmp_path / "bad.csv").write_bytes(b"text\ncaf\xe9\n")
    tab.get_by_role("tab", name="File").click()
    tab.locator("input[type=file]").first.set_input_files(tmp_path / "bad.csv")
    tab.get_by_text("bad.csv, line 2: not UTF-8").wait_for()
    assert str(tmp_path) not in tab.content()


def test_a_phone_shows_it_without_scrolling_sideways(tab):
    tab.set_viewport_size({"width": 390, "height": 844})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
