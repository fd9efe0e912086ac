"""The page of the monitor in a real browser: wide, on a phone, light and dark; a mark opens its evidence."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from sentiment.cli import main
from tests.conftest import write_csv
from tests.e2e.pages import browser, needs_chromium, on_each_screen  # noqa: F401
from tests.monitoring.predictions import HEADER, moved, predicted

pytestmark = [pytest.mark.e2e, needs_chromium]


@pytest.fixture(scope="module")
def monitored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("monitored")
    rows = predicted(moved) + predicted(lambda _: 0.4, brand="A brand with quite a long name <b>", seed=1)
    table = write_csv(folder / "predicted.csv", rows, header=HEADER)
    main(["monitor", f"input={table}", f"output={folder}/out", "time=created", "by=brand", "quiet=true"])
    return folder / "out" / "monitor.html"


@on_each_screen
def test_the_page_fits_and_asks_nothing_of_others(browser, monitored, scheme, width):  # noqa: F811
    tab = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
    said, asked = [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(monitored.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert said == []
    assert asked == [monitored.as_uri()]
    charts = tab.locator("figure svg").all()
    assert len(charts) == 3
    assert all(0 < chart.bounding_box()["width"] <= width for chart in charts)
    tab.close()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_against_wcag_aa(browser, monitored, scheme):  # noqa: F811
    tab = browser.new_page(viewport={"width": 1280, "height": 844}, color_scheme=scheme)
    tab.goto(f"{monitored.as_uri()}#change-0")
    tab.locator("summary").click()
    found = Axe().run(tab, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert found.response["violations"] == []
    assert len(found.response["passes"]) > 10
    tab.close()


def test_a_mark_leads_to_the_words_of_its_change(browser, monitored):  # noqa: F811
    tab = browser.new_page(viewport={"width": 1280, "height": 844})
    tab.goto(monitored.as_uri())
    mark = tab.locator("figure", has=tab.get_by_role("heading", name="Acme")).locator("svg a").first
    assert "negative rose from" in mark.get_attribute("aria-label")
    mark.focus()
    tab.keyboard.press("Enter")
    opened = tab.locator(".change:target")
    opened.wait_for()
    assert "Acme, 2026-01-15" in opened.inner_text()
    assert "parcel" in opened.inner_text()
    tab.close()
