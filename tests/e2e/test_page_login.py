"""The page behind a login."""

import pytest

from tests.e2e.pages import browser, classify, needs_chromium, opened, serving  # noqa: F401

pytestmark = [pytest.mark.e2e, needs_chromium]


@pytest.mark.slow
def test_a_login_is_asked_for_where_one_is_set(browser, quick_run, tmp_path):  # noqa: F811
    settings = ["engine=local", f"run={quick_run}", "auth=[ann,secret]", "feedback=null", "per_minute=1"]
    with serving(tmp_path, *settings) as address, opened(browser, address) as tab:
        assert tab.request.post(f"{address}/gradio_api/call/classify", data={"data": ["a"]}).status == 401
        for password in ("guess", "secret"):
            tab.get_by_label("username").fill("ann")  # a refused login empties both fields
            tab.get_by_label("password").fill(password)
            tab.get_by_role("button", name="Login").click()
            if password == "guess":
                tab.get_by_text("Incorrect Credentials").wait_for()
        classify(tab, "good film")
        tab.locator(".verdict").get_by_text("positive").wait_for()
        assert not tab.get_by_text("Send correction").is_visible()
        classify(tab, "bad film")
        tab.get_by_text("more than 1 requests in a minute; ask again in").wait_for()
