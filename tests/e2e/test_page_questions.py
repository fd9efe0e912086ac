"""An answer on the page stands under its own question, in a real browser, whenever it comes and if none does."""

import threading

import pytest

from tests.e2e.faults import wait_for
from tests.e2e.pages import browser, classify, compare, needs_chromium, opened, serving  # noqa: F401

pytestmark = [pytest.mark.e2e, needs_chromium]


@pytest.fixture(scope="module")
def url(quick_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    with serving(folder, "engine=local", f"run={quick_run}", f"feedback={folder}/feedback.jsonl") as address:
        yield address


@pytest.fixture
def tab(browser, url):  # noqa: F811
    with opened(browser, url) as tab:
        yield tab


def test_a_text_takes_no_place_in_the_queue(browser, url):  # noqa: F811
    """A queued answer that is asked for while the stream of others closes never comes (app_state.AT_ONCE)."""
    asked = []
    with opened(browser, url) as tab:
        tab.locator(".purpose").wait_for()
        tab.on("request", lambda request: asked.append(request.url.partition("gradio_api/")[2].partition("?")[0]))
        tab.reload()
        tab.locator(".purpose").wait_for()
        classify(tab, "good film")
        tab.locator("#words .text").wait_for()
    assert asked.count("run/predict") >= 7  # the status line, what each tab shows of the model, an answer and its words
    assert not [path for path in asked if path.startswith("queue/")]


def test_an_answer_never_stands_under_another_text(tab):
    classify(tab, "good film")
    tab.locator(".verdict").get_by_text("positive").wait_for()
    tab.get_by_role("textbox", name="Text").first.fill("bad film")
    tab.locator(".verdict").wait_for(state="detached")
    classify(tab, "good film")
    tab.locator(".verdict").get_by_text("positive").wait_for()
    tab.get_by_role("button", name="Not once did I look at my watch.").click()  # an example is classified at once
    tab.locator(".verdict").wait_for()
    tab.locator("#words .text, #words .empty").wait_for()
    tab.get_by_role("textbox", name="Text").first.fill("good film")
    tab.locator(".verdict").wait_for(state="detached")
    tab.keyboard.press("Control+Enter")
    tab.locator(".verdict").get_by_text("positive").wait_for()


def test_an_answer_that_comes_late_stays_out_of_sight(tab):
    held = []
    late = threading.Event()

    def hold(route):
        if not late.is_set() and "good film" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    tab.locator(".status.up").wait_for()
    tab.route("**/run/predict*", hold)
    classify(tab, "good film")
    wait_for(lambda: tab.wait_for_timeout(50) or held)
    classify(tab, "bad film")
    tab.locator(".verdict").get_by_text("negative").wait_for()
    tab.locator("#words .text").get_by_text("bad").wait_for()
    late.set()
    with tab.expect_response(lambda response: "good film" in (response.request.post_data or "")):
        held[0].continue_()
    tab.wait_for_timeout(500)
    assert tab.locator(".verdict").inner_text().split()[0] == "negative"
    assert "bad" in tab.locator("#words .text").inner_text()
    tab.get_by_label("positive").check()
    tab.get_by_role("button", name="Send correction").click()
    tab.get_by_text("Saved as positive. Thank you.").wait_for()
    tab.get_by_role("textbox", name="Text").first.fill("a third film")  # the form goes with its answer
    tab.get_by_role("button", name="Send correction").wait_for(state="hidden")


@pytest.mark.parametrize("body", ["", "{}", "<html>Bad Gateway</html>"])
def test_a_request_that_fails_leaves_no_older_answer(tab, body):
    classify(tab, "good film")
    tab.locator(".verdict").get_by_text("positive").wait_for()
    tab.route("**/run/predict*", lambda route: route.fulfill(status=502, body=body))
    tab.get_by_role("button", name="Classify").click()
    tab.get_by_text("The page could not ask the model; try again.").wait_for()
    assert "positive" not in tab.locator("#verdict").inner_text()


def test_words_that_are_not_marked_yet_are_said_to_be_on_their_way(tab):
    tab.locator(".status.up").wait_for()
    tab.evaluate(
        """() => {
          window.seen = [];
          const look = () => window.seen.push(document.getElementById("words").innerText);
          new MutationObserver(look).observe(document.getElementById("words"), { childList: true, subtree: true });
        }"""
    )
    classify(tab, "good film")
    tab.locator("#words .text").wait_for()
    assert "Marking the words ..." in [seen.strip() for seen in tab.evaluate("window.seen")]
    assert "Marking" not in tab.locator("#words").inner_text()


def test_an_empty_text_is_said_in_place(tab):
    tab.get_by_role("button", name="Classify").click()
    tab.get_by_role("alert").get_by_text("text is empty").wait_for()
    tab.get_by_role("textbox", name="Text").first.fill("g")
    tab.get_by_role("alert").wait_for(state="detached")  # the error goes with its cause


def test_a_comparison_goes_with_its_texts(tab):
    compare(tab, "good film", "bad film")
    tab.get_by_text("They differ: the first text is positive, the second negative.").wait_for()
    tab.get_by_label("Second text").fill("good film")
    tab.get_by_text("Both answers will appear here, side by side.").wait_for()
    tab.get_by_role("button", name="Compare").click()
    tab.get_by_text("Both are positive, and equally so.").wait_for()
