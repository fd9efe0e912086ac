"""The report in a real browser: wide, on a phone, light and dark."""

import pytest

from sentiment.evaluation.report.page import write_report
from tests.e2e.pages import browser, needs_chromium, on_each_screen  # noqa: F401
from tests.results import made_up

pytestmark = [pytest.mark.e2e, needs_chromium]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    labels = ["anger", "disappointment", "joy", "optimism", "sadness"]
    texts = [f"{'a' * 300} {i}" if i % 9 == 0 else f"text {i} " + "and so on " * (i % 7) for i in range(400)]
    write_report(folder / "report", made_up(400, labels, texts=texts), run=folder)
    return folder / "report" / "report.html"


@on_each_screen
def test_nothing_scrolls_sideways_fails_or_is_asked_of_others(browser, report, tiny_run, scheme, width):  # noqa: F811
    for page in (report, tiny_run / "report" / "report.html"):
        tab = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
        said, asked = [], []
        tab.on("console", lambda message, said=said: said.append(message.text))
        tab.on("pageerror", lambda error, said=said: said.append(str(error)))
        tab.on("request", lambda request, asked=asked: asked.append(request.url))
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert said == []
        assert asked == [page.as_uri()]
        figures = tab.locator("figure svg").all()
        assert len(figures) >= 4
        assert all(0 < figure.bounding_box()["width"] <= width for figure in figures)
        tab.close()
