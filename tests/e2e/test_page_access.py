"""The page for people who use it by keyboard or screen reader: axe-core finds nothing on any tab in any state."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.conftest import write_csv
from tests.e2e.pages import browser, classify, needs_chromium, opened, serving  # noqa: F401

pytestmark = [pytest.mark.e2e, needs_chromium]

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}
ROWS = [(f"2026-01-{day:02}", ("North", "South")[i % 2], f"good film {day} {i}") for day in (1, 2) for i in range(12)]


@pytest.fixture(scope="module")
def url(quick_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    with serving(folder, "engine=local", f"run={quick_run}", f"feedback={folder}/feedback.jsonl") as address:
        yield address


SETTLED = "() => document.getAnimations().every(one => !(one instanceof CSSTransition))"


def check(tab, state):
    tab.wait_for_function(SETTLED)  # half-way from disabled to enabled a button is pale
    found = Axe().run(tab, options=RULES)
    faults = [(fault["id"], [node["html"][:200] for node in fault["nodes"]]) for fault in found.response["violations"]]
    assert faults == [], state
    assert len(found.response["passes"]) > 10


def enabled(tab, button):
    """Wait until a button can be pressed again, which may be a moment after its result is there."""
    tab.locator("button:enabled", has_text=button).wait_for()


@pytest.mark.parametrize(("scheme", "width"), [pytest.param("light", 1280, marks=pytest.mark.slow), ("dark", 390)])
def test_axe_finds_nothing_on_any_tab_in_any_state(browser, url, tmp_path, scheme, width):  # noqa: F811
    table = write_csv(tmp_path / "mine.csv", [*ROWS, ("2026-01-02", "North", "")], header=("created", "brand", "text"))
    with opened(browser, url, color_scheme=scheme, viewport={"width": width, "height": 844}) as tab:
        tab.locator(".status.up").wait_for()
        tab.locator(".purpose").wait_for()
        check(tab, "text, empty")
        tab.get_by_role("button", name="Classify").click()
        tab.get_by_role("alert").wait_for()
        check(tab, "text, an error")
        classify(tab, "good film")
        tab.locator("#words .text, #words .empty").first.wait_for()
        check(tab, "text, an answer")
        tab.get_by_role("tab", name="File").click()
        check(tab, "file, empty")
        tab.locator("input[type=file]").first.set_input_files(table)
        tab.get_by_text("The texts seem to be in").wait_for()
        check(tab, "file, chosen")
        tab.get_by_role("button", name="Predict").click()
        tab.get_by_role("row", name="25 text is empty").wait_for()
        enabled(tab, "Predict")
        check(tab, "file, a result")
        tab.get_by_role("tab", name="Trends").click()
        tab.locator("[role=tabpanel]:visible input[type=file]").set_input_files(table)
        tab.get_by_text("The columns seem to be these").wait_for()
        check(tab, "trends, chosen")
        tab.get_by_role("button", name="Show trends").click()
        tab.locator("#trends figure svg").first.wait_for()
        enabled(tab, "Show trends")
        tab.locator("#trends summary").click()
        check(tab, "trends, a result")
        tab.get_by_role("tab", name="Label").click()
        check(tab, "label, empty")
        label(tab, table)
        tab.get_by_role("tab", name="Compare").click()
        check(tab, "compare")
        tab.get_by_role("tab", name="Model").click()
        tab.get_by_role("img", name="ROC curve").wait_for()
        check(tab, "model")


def label(tab, table):
    """Label two texts by key, take one back, and check each state."""
    panel = tab.locator("[role=tabpanel]:visible")
    panel.locator("input[type=file]").first.set_input_files(table)
    panel.get_by_text("The texts seem to be in").wait_for()
    panel.get_by_role("button", name="Suggest texts").click()
    tab.locator(".card[data-at='0'] [data-label]").first.wait_for()
    for key, place in (("1", 1), ("2", 2), ("Backspace", 1), ("s", 2)):
        tab.wait_for_function("document.activeElement.className === 'card'")
        tab.keyboard.press(key)
        tab.locator(f".card[data-at='{place}']").wait_for()
    tab.locator("#label-card summary").click()
    check(tab, "label, a text")
    assert tab.locator(".card .place span").inner_text() == "1 labelled, 1 skipped"


def test_the_arrow_keys_move_between_the_tabs_and_every_focus_is_seen(browser, url):  # noqa: F811
    with opened(browser, url) as tab:
        tab.locator(".status.up").wait_for()
        tab.get_by_role("tab", name="Text").focus()
        seen = []
        for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "ArrowRight"):
            tab.keyboard.press(key)
            seen.append(tab.locator("[role=tab][aria-selected=true]").first.inner_text())
            assert tab.evaluate("document.activeElement.innerText") == seen[-1]
        assert seen == ["File", "Trends", "File", "Model", "Text"]
        style = "getComputedStyle(document.activeElement)"
        assert tab.evaluate(f"{style}.outlineWidth") == "3px"
        assert tab.evaluate(f"{style}.outlineOffset") == "-3px"  # inside, where what holds it would clip it
