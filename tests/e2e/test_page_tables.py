"""Trends in a real browser, and a table that is cancelled, on a page in this process."""

import csv
import re
import struct
from threading import Event

import pytest

from sentiment.data.tables import Limits
from sentiment.inference.predictor import Predictor
from sentiment.inference.types import Prediction
from sentiment.ui.app_state import AppState
from sentiment.ui.backend import InProcess
from sentiment.ui.limits import Rate
from sentiment.ui.page import page, scripts, styles, theme
from sentiment.ui.storage import Storage
from tests.conftest import write_csv
from tests.e2e.pages import browser, needs_chromium, opened  # noqa: F401
from tests.ports import free_ports

GRADIO = pytest.mark.filterwarnings("ignore:'future.no_silent_downcasting'")  # Gradio's own statistics
pytestmark = [pytest.mark.e2e, needs_chromium, GRADIO]

HEADER = ("created", "brand", "text", "stars")


class Words:
    """Says "positive" of texts with the word good; while `gate` is closed, waits after `free` chunks."""

    def __init__(self):
        self.gate = Event()
        self.gate.set()
        self.free = 0

    def predict(self, texts):
        if self.free:
            self.free -= 1
        else:
            self.gate.wait(60)
        return [answer("good" in text) for text in texts]


def answer(good):
    share = {"negative": 0.1, "positive": 0.9} if good else {"negative": 0.9, "positive": 0.1}
    return Prediction("positive" if good else "negative", 0.9, share)


@pytest.fixture(scope="module")
def desk(tiny_run, tmp_path_factory):
    backend = InProcess(Predictor.load(tiny_run), "tiny")
    backend.tables = Words()
    folder = tmp_path_factory.mktemp("tables")
    storage = Storage(folder, most=10**9, seconds=3600)
    return AppState(backend, Rate(10_000), None, None, storage, Limits(rows=20_000))


@pytest.fixture(scope="module")
def url(desk):
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(desk.storage.folder))
    patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    [port] = free_ports(1)
    blocks = page(desk, max_file_mb=50).queue()
    style = {"css": styles(), "head": scripts(), "theme": theme()}
    blocks.launch(server_port=port, prevent_thread_lock=True, quiet=True, ssr_mode=False, **style)
    yield f"http://127.0.0.1:{port}"
    blocks.close(verbose=False)
    patch.undo()


@pytest.fixture
def tab(browser, url):  # noqa: F811
    with opened(browser, url) as tab:
        yield tab


def table(path, *, days=16, rows=60):
    """A table of two brands, of which one breaks many parcels on its last day."""
    lines = []
    for day in range(days):
        for i in range(rows):
            brand, last = ("Kestrel", "Lumo")[i % 2], i % 2 and day == days - 1
            bad = i % 10 < (8 if last else 3)
            text = "a broken parcel" if bad and last else "slow again" if bad else "good service"
            stars = "negative" if bad else "positive"
            lines.append((f"{day + 1}.10.2026 09:{i:02}", brand, f"{text} {day} {i}", stars))
    return write_csv(path, lines, header=HEADER)


def offer(tab, path):
    tab.get_by_role("tab", name="Trends").click()
    tab.get_by_role("button", name="Show trends").wait_for()
    tab.locator("[role=tabpanel]:visible input[type=file]").set_input_files(path)
    tab.get_by_text("The columns seem to be these").wait_for()


def test_trends_show_charts_changes_and_their_evidence_in_place(tab, tmp_path):
    offer(tab, table(tmp_path / "mine.csv"))
    chosen = {
        name: tab.get_by_label(name, exact=True).last.input_value() for name in ("Texts", "Time", "Group", "Period")
    }
    assert chosen == {"Texts": "text", "Time": "created", "Group": "brand", "Period": "day"}
    assert tab.get_by_label("About", exact=True).count() == 0  # for a model that reads aspects
    tab.get_by_label("True labels", exact=True).last.click()
    tab.get_by_role("option", name="stars", exact=True).click()
    tab.get_by_role("button", name="Show trends").click()
    tab.get_by_role("heading", name="Lumo", exact=True).wait_for()
    assert tab.locator("#trends figure svg").count() == 3
    tab.get_by_text("Times in 'created' were read with the day first").wait_for()
    tab.get_by_text("Where the true labels are known (960 texts").wait_for()
    tab.locator("#trends svg a[aria-label*='Lumo, 2026-10-16']").first.focus()
    tab.keyboard.press("Enter")
    evidence = tab.locator(".change:target")
    evidence.wait_for()
    assert "negative rose from" in evidence.inner_text()
    assert "parcel" in evidence.inner_text()
    with tab.expect_download() as download:
        tab.get_by_role("button", name="Save the chart of Lumo as PNG").click()
    assert download.value.suggested_filename == "Lumo.png"
    with open(download.value.path(), "rb") as file:
        head = file.read(24)
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24])[0] == 920
    for name, file in (("Page", "monitor.html"), ("Excel", "shares.xlsx"), ("CSV", "shares.csv")):
        with tab.expect_download() as download:
            tab.locator(".summary").get_by_role("button", name=f"Download {name}").click()
        assert download.value.suggested_filename == file
    with open(download.value.path(), newline="", encoding="utf-8-sig") as file:
        assert {row["group"] for row in csv.DictReader(file)} == {"all", "Kestrel", "Lumo"}


@pytest.mark.slow
def test_a_choice_that_the_monitor_refuses_is_said_in_plain_words(tab, tmp_path):
    offer(tab, table(tmp_path / "mine.csv", days=2))
    tab.get_by_label("Time", exact=True).last.click()
    tab.get_by_role("option", name="text", exact=True).click()
    tab.get_by_role("button", name="Show trends").click()
    tab.get_by_role("alert").get_by_text("is no date or time that this page can read. Write dates as").wait_for()
    tab.get_by_label("Time", exact=True).last.click()
    tab.get_by_role("option", name="one period for all").click()
    tab.get_by_role("alert").wait_for(state="detached")
    tab.get_by_role("button", name="Show trends").click()
    tab.locator("#trends figure svg").first.wait_for()


@pytest.mark.slow
def test_a_table_under_way_is_cancelled_and_the_next_one_goes_on(tab, desk, tmp_path):
    offer(tab, table(tmp_path / "mine.csv"))
    desk.backend.tables.gate.clear()
    desk.backend.tables.free = 4  # texts that show the labels, and a chunk or more of 256
    try:
        tab.get_by_role("button", name="Show trends").click()
        tab.get_by_text(re.compile(r"\d{3}/960 rows")).wait_for()
        tab.get_by_text("Scoring the texts - ").wait_for()
        tab.get_by_role("button", name="Cancel").click()
        tab.get_by_text("Stopped. Nothing was kept.").wait_for()
    finally:
        desk.backend.tables.gate.set()
    tab.get_by_role("button", name="Show trends").click()
    tab.locator("#trends figure svg").first.wait_for()
    assert desk.jobs.running == 0
