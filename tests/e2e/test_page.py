"""The page in a real browser, answered by a model in its own process."""

import csv
import json
import re

import pytest

from sentiment.inference.predictor import Predictor
from sentiment.ui.words import LEVELS
from tests.conftest import write_csv
from tests.e2e.pages import browser, classify, compare, needs_chromium, opened, serving  # noqa: F401

pytestmark = [pytest.mark.e2e, needs_chromium]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SMALL = """() => [...document.querySelectorAll('button, [role=tab], label:has(input[type=radio])')]
  .filter(e => e.offsetParent && !e.closest('footer, .table-wrap'))
  .map(e => [e.innerText || e.ariaLabel, e.getBoundingClientRect().height]).filter(([_, height]) => height < 44)"""

LINE = "e => [getComputedStyle(e).textDecorationStyle, getComputedStyle(e).textDecorationColor]"


@pytest.fixture(scope="module")
def feedback(tmp_path_factory):
    return tmp_path_factory.mktemp("page") / "feedback.jsonl"


@pytest.fixture(scope="module")
def url(tiny_run, feedback):
    with serving(feedback.parent, "engine=local", f"run={tiny_run}", f"feedback={feedback}") as address:
        yield address


@pytest.fixture
def tab(browser, url):  # noqa: F811
    with opened(browser, url) as tab:
        yield tab


def test_a_typed_text_gets_its_label_and_bars(tab, url):
    tab.locator(".status.up").get_by_text("tiny in this process").wait_for()
    classify(tab, "good film")
    tab.locator(".verdict").get_by_text("positive").wait_for()
    assert tab.locator(".bars li").count() == 2
    assert "longer than the model reads" not in tab.content()
    assert tab.title() == "Sentiment"
    assert "svg" in tab.request.get(f"{url}/favicon.ico").headers["content-type"]


def test_the_keyboard_alone_will_do(tab, feedback):
    tab.locator(".status.up").wait_for()
    tab.get_by_role("textbox", name="Text").first.focus()
    tab.keyboard.type("bad film by keys")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.innerText") == "Classify"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineWidth") == "3px"
    tab.keyboard.press("Enter")
    tab.locator(".verdict").get_by_text("negative").wait_for()
    press_until(tab, "document.activeElement.value === 'positive'")
    tab.keyboard.press("Space")
    press_until(tab, "document.activeElement.innerText === 'Send correction'")
    tab.keyboard.press("Enter")
    tab.get_by_text("Saved as positive. Thank you.").wait_for()
    kept = [json.loads(line) for line in feedback.read_text(encoding="utf-8").splitlines()]
    [mine] = [line for line in kept if line["text"] == "bad film by keys"]
    assert (mine["label"], mine["predicted"]) == ("positive", "negative")


def press_until(tab, there):
    for _ in range(20):
        tab.keyboard.press("Tab")
        if tab.evaluate(there):
            return
    raise AssertionError(f"20 tab stops on, still not {there}")


def test_the_model_says_what_it_is_for(tab):
    tab.locator(".purpose").get_by_text("Its answer is negative or positive.").wait_for()
    assert "Tests found it weak at" in tab.locator(".purpose").inner_text()


def test_a_text_stays_a_text(tab):
    classify(tab, "good film ${alert(1)} {{value}} <img src=x onerror=alert(1)> `")
    tab.locator(".verdict").wait_for()
    assert tab.locator("img[src=x]").count() == 0


def test_a_long_text_is_said_to_be_cut(tab):
    classify(tab, "good film and so on " * 40)
    tab.get_by_text("it has read its beginning, 32 word pieces").wait_for()


def test_the_words_the_answer_rests_on_are_marked_by_colour_and_line(tab, tiny_run):
    text = "good film, a bad day"
    classify(tab, text)
    marked = tab.locator("#words .text mark")
    marked.first.wait_for()
    [told] = Predictor.load(tiny_run).explain([text])
    least = LEVELS[0] * max(abs(word.attribution) for word in told.words)
    strong = [word for word in told.words if abs(word.attribution) >= least]
    expected = {word.text: "solid" if word.attribution > 0 else "dotted" for word in strong}
    assert {mark.inner_text(): mark.evaluate(LINE)[0] for mark in marked.all()} == expected
    (line, colour), (other_line, other_colour) = (m.evaluate(LINE) for m in tab.locator(".legend mark").all())
    assert (line, other_line) == ("solid", "dotted")
    assert colour != other_colour


def test_two_texts_stand_side_by_side(tab):
    compare(tab, "good film", "bad film")
    tab.get_by_text("They differ: the first text is positive, the second negative.").wait_for()
    boxes = [panel.bounding_box() for panel in tab.locator(".pair .answer").all()]
    assert boxes[0]["y"] == boxes[1]["y"]


def test_the_model_tab_tells_scores_and_figures(tab):
    tab.get_by_role("tab", name="Model").click()
    tab.get_by_role("img", name="ROC curve").wait_for()
    row = tab.get_by_role("row", name="accuracy")
    score, low, high = re.findall(r"[\d.]+", row.get_by_role("cell").last.inner_text())
    assert 0.5 < float(low) <= float(score) <= float(high) <= 1
    with tab.expect_download() as download:
        tab.get_by_text("Download the report").click()
    assert download.value.suggested_filename == "report.html"


def test_a_table_is_predicted_and_brought_back(tab, tmp_path):
    rows = [(str(i), f"{'good' if i % 4 else 'bad'} film") for i in range(40)] + [("40", "")]
    source = write_csv(tmp_path / "mine.csv", rows, header=("id", "opinion"))
    tab.get_by_role("tab", name="File").click()
    tab.locator("input[type=file]").first.set_input_files(source)
    tab.get_by_text("41 rows. No column is clearly the one with the texts: choose it.").wait_for()
    tab.get_by_role("button", name="Predict").click()
    tab.get_by_role("alert").get_by_text("Choose the column with the texts.").wait_for()
    tab.get_by_label("Column with the texts").first.click()
    tab.get_by_role("option", name="opinion").click()
    tab.get_by_role("alert").wait_for(state="detached")
    tab.get_by_role("button", name="Predict").click()
    tab.get_by_text("1 of 41 rows could not be scored").wait_for()
    tab.get_by_role("row", name="41 opinion is empty").wait_for()
    assert [bar.inner_text().split() for bar in tab.locator("#file-counts .value").all()] == [
        ["10", "·", "25.0%"],
        ["30", "·", "75.0%"],
    ]
    assert tab.locator(".preview th").first.inner_text() == "opinion"  # the texts come first
    names = [button.inner_text() for button in tab.locator(".downloads button:visible").all()]
    assert names == ["Download Excel (.xlsx)", "Download CSV (.csv)", "Rows not scored (.csv)"]
    for name, file in (("Excel", "mine-predicted.xlsx"), ("CSV", "mine-predicted.csv")):
        with tab.expect_download() as download:
            tab.get_by_role("button", name=f"Download {name}").click()
        assert download.value.suggested_filename == file
    download.value.save_as(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8-sig") as file:
        found = list(csv.DictReader(file))
    assert [row["id"] for row in found] == [str(i) for i in range(41)]
    assert [row["prediction"] for row in found][:5] == ["negative", "positive", "positive", "positive", "negative"]


def test_a_file_that_is_no_table_is_said_in_place(tab, tmp_path):
    (tmp_path / "bad.csv").write_bytes("text\né é\n".encode() + b"caf\xe9\n")
    tab.get_by_role("tab", name="File").click()
    tab.locator("input[type=file]").first.set_input_files(tmp_path / "bad.csv")
    tab.get_by_text("bad.csv, line 3: not UTF-8").wait_for()
    assert str(tmp_path) not in tab.content()


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_a_phone_shows_each_tab_without_scrolling_sideways(browser, url, scheme):  # noqa: F811
    with opened(browser, url, color_scheme=scheme, **PHONE) as tab:
        classify(tab, "good film " + "and so on " * 40)
        tab.locator(".verdict").wait_for()
        for name in ("Text", "File", "Trends", "Label", "Compare", "Model"):
            tab.get_by_role("tab", name=name).click()
            assert tab.evaluate("document.documentElement.scrollWidth") <= 390, name
            assert tab.evaluate(SMALL) == [], name
        dark = tab.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0] < 60")
        assert dark == (scheme == "dark")


@pytest.mark.slow
def test_users_at_once_each_get_their_own_answers(browser, url):  # noqa: F811
    tabs = [browser.new_page() for _ in range(4)]
    for i, page in enumerate(tabs):
        page.goto(url)
        page.get_by_role("textbox", name="Text").first.fill(f"{'good' if i % 2 else 'bad'} film")
    for page in tabs:
        page.get_by_role("button", name="Classify").click()
    for i, page in enumerate(tabs):
        page.locator(".verdict").get_by_text("positive" if i % 2 else "negative").wait_for()
        page.close()
