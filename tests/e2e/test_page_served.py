"""The page against a real TorchServe with two versions, which goes away and comes back."""

import json
import shutil

import pytest

from sentiment.inference.checksums import write_checksums
from sentiment.serving.archive import package
from tests.conftest import read_json
from tests.e2e.conftest import on_free_ports
from tests.e2e.pages import browser, classify, needs_chromium, opened, serving  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.e2e, needs_chromium]


@pytest.fixture(scope="module")
def store(tiny_run, tmp_path_factory):
    """Version 1.0, and the default 2.0, which calls the same labels sad and glad."""
    folder = tmp_path_factory.mktemp("served")
    renamed = shutil.copytree(tiny_run, folder / "renamed")
    config = read_json(renamed / "export" / "config.json")
    config |= {"id2label": {"0": "sad", "1": "glad"}, "label2id": {"sad": 0, "glad": 1}}
    (renamed / "export" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_checksums(renamed / "export")
    package(run=renamed, model_store=folder / "next", version="2.0")
    package(run=tiny_run, model_store=folder / "store")
    shutil.move(folder / "next" / "sentiment.mar", folder / "store" / "sentiment-2.0.mar")
    return folder / "store"


@pytest.fixture(scope="module")
def server(store):
    with on_free_ports(store, work_dir=store.parent / "serve") as running:
        yield running


@pytest.fixture(scope="module")
def url(server, tmp_path_factory):
    settings = [f"server={server.url}", f"engine.key_file={server.key_file}", "feedback=null"]
    management = f"management_url={server.address('management')}"
    with serving(tmp_path_factory.mktemp("ui"), *settings, management) as address:
        yield address


def test_versions_are_compared_and_the_model_tells_what_it_is(browser, url, tiny_run):  # noqa: F811
    with opened(browser, url) as tab:
        tab.locator(".status.up").get_by_text("sentiment 2.0 at http").wait_for()
        tab.get_by_role("tab", name="Compare").click()
        tab.get_by_label("Two versions").check()
        tab.get_by_label("Second version").first.wait_for()
        tab.get_by_label("Text", exact=True).last.fill("good film")
        tab.get_by_role("button", name="Compare").click()
        tab.get_by_text("They differ: the first version is positive, the second glad.").wait_for()
        tab.get_by_role("tab", name="Model").click()
        tab.get_by_role("row", name="2.0 yes 1 of 1").wait_for()
        accuracy = read_json(tiny_run / "metrics.json")["test"]["accuracy"]
        tab.get_by_role("row", name="accuracy").get_by_text(f"{accuracy:.3f}").last.wait_for()


def test_a_server_that_goes_away_is_said_and_the_page_goes_on_by_itself_when_it_is_back(browser, url, server):  # noqa: F811
    with opened(browser, url) as tab:
        classify(tab, "good film")
        tab.locator(".verdict").get_by_text("glad").wait_for()
        server.stop()
        tab.get_by_text("The model does not answer.").wait_for()
        classify(tab, "bad film")
        tab.get_by_role("alert").get_by_text("The model does not answer now.").wait_for()
        assert tab.locator(".verdict").count() == 0
        server.start()
        tab.locator(".status.up").wait_for()
        tab.locator(".verdict").get_by_text("sad").wait_for()  # the text it could not answer before
