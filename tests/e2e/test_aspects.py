"""A model that reads aspects on a real server, beside one that does not: every form, a job, the page, a deployment."""

import time
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from sentiment.batch import predict
from sentiment.cli import main
from sentiment.client import read_key
from sentiment.client.readiness import wait_until_ready
from sentiment.errors import RejectedError, RowsRejectedError
from sentiment.inference.predictor import Predictor
from sentiment.serving.archive import package
from sentiment.serving.serve import example
from sentiment.ui.aspect import input_of
from sentiment.ui.backend import Served
from tests.aspects.test_requests import FORMS, NEEDED, TEXT
from tests.conftest import read_csv, read_json, write_csv
from tests.e2e.conftest import on_free_ports
from tests.e2e.faults import wait_for
from tests.e2e.pages import browser, needs_chromium, opened, serving  # noqa: F401
from tests.handling import labels

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(aspect_run, quick_run, tmp_path_factory):
    """One server of both kinds of model."""
    folder = tmp_path_factory.mktemp("aspects")
    package(run=aspect_run, model_store=folder / "store", name="aspects")
    package(run=quick_run, model_store=folder / "store")
    with on_free_ports(folder / "store", work_dir=folder / "serve", model_api=True) as running:
        yield running


@pytest.fixture(scope="module")
def client(server):
    with server.client("aspects", pauses=(1.0,) * 120) as made:
        yield made


@pytest.fixture(scope="module")
def local(aspect_run):
    return Predictor.load(aspect_run)


PATHS = {"v1": "v1/models/aspects:predict", "v2": "v2/models/aspects/infer"}


def test_every_form_is_answered_and_refused_where_it_lacks_its_aspect(server):
    key = {"Authorization": f"Bearer {read_key(server.key_file, 'inference')}"}
    with httpx.Client(base_url=server.url, headers=key, timeout=60) as http:
        for name, body in FORMS.items():
            found = http.post(PATHS.get(name[:2], "predictions/aspects"), json=body)
            assert found.status_code == 200, found.text
            assert labels(found.json()) == ["positive", "negative"][: len(labels(found.json()))]
        refused = http.post("predictions/aspects", json={"text": TEXT})
        assert (refused.status_code, refused.json()["message"][: len(NEEDED)]) == (400, NEEDED)
        assert http.post("predictions/sentiment", json=FORMS["plain"]).status_code == 400
        wait_for(lambda: http.post("explanations/aspects", json=FORMS["plain"]).status_code != 503)  # it is loaded
        marked = http.post("explanations/aspects", json=FORMS["plain"]).json()
        assert (marked["aspect"], [word["text"] for word in marked["words"]]) == ("screen", TEXT.split())
        form = http.post("predictions/aspects", data={"data": TEXT, "aspect": "screen"})
        assert (form.status_code, form.json()["message"][:30]) == (400, "a form holds a text alone, not")
    assert '"aspect": "the weather"' in example(server, "aspects")
    assert '"aspect"' not in example(server, "sentiment")


def test_the_client_and_a_job_give_the_answers_of_the_run(client, local, tmp_path):
    wait_until_ready(client, seconds=60)
    texts, aspects = [TEXT, "the meal", "the trip"], ["screen", "battery", "screen"]
    got, expected = client.predict(texts, aspect=aspects), local(texts, aspect=aspects)
    for one, other in zip(got, expected, strict=True):
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
    [explained] = client.explain([TEXT], aspect="battery")
    assert (explained.aspect, explained.target) == ("battery", "negative")
    with pytest.raises(RejectedError, match=NEEDED):
        client.predict(texts)
    source = write_csv(tmp_path / "in.csv", [*zip(texts, aspects, strict=True), ("a", "")], ("text", "target"))
    for name, engine in {"rest": client, "local": local}.items():
        with pytest.raises(RowsRejectedError, match="^1 of 4 rows"):
            predict(input=source, output=tmp_path / f"{name}.csv", engine=engine, aspect_column="target", quiet=True)
    rows, others = (read_csv(tmp_path / f"{name}.csv") for name in ("rest", "local"))
    assert [row["prediction"] for row in rows] == [row["prediction"] for row in others]


def test_the_page_asks_with_the_aspect(client, local):
    page = Served(client)
    with page.client, page.looker:
        assert page.state().model.aspects
        desk = type("Desk", (), {"backend": page})()
        [answer] = page.predict([input_of(desk, TEXT, "battery")])
        assert answer.label == local(TEXT, aspect="battery").label
        assert page.explain(input_of(desk, TEXT, "screen"), "positive").aspect == "screen"


@pytest.mark.slow
@needs_chromium
def test_a_reader_of_the_page_fills_in_the_aspect(browser, aspect_run, tmp_path):  # noqa: F811
    feedback = tmp_path / "feedback.jsonl"
    with (
        serving(tmp_path, "engine=local", f"run={aspect_run}", f"feedback={feedback}") as url,
        opened(browser, url) as tab,
    ):
        tab.locator("#text textarea").fill(TEXT)
        tab.get_by_role("button", name="Classify").click()
        tab.get_by_text("the aspect of text is empty").wait_for()
        for aspect, label in (("battery", "negative"), ("screen", "positive")):
            tab.locator("#aspect textarea").fill(aspect)
            tab.get_by_role("button", name="Classify").click()
            tab.locator(".verdict").get_by_text(label).wait_for()
            tab.get_by_text(f"toward “{aspect}”").or_(tab.get_by_text("No single word decides")).first.wait_for()
        tab.get_by_label("negative").check()
        tab.get_by_role("button", name="Send correction").click()
        tab.get_by_text("Saved as negative").wait_for()
    assert read_json(feedback)["aspect"] == "screen"


@pytest.mark.slow
@needs_chromium
def test_scripts_and_the_trends_tab_find_the_column_of_aspects(browser, aspect_run, tmp_path):  # noqa: F811
    rows = [(TEXT, aspect, label) for aspect, label in (("battery", "negative"), ("screen", "positive"))] * 4
    table = write_csv(tmp_path / "mine.csv", rows, ("text", "Target", "own"))
    with serving(tmp_path, "engine=local", f"run={aspect_run}") as url:
        page = Client(url, verbose=False, download_files=tmp_path / "got")
        found, files = page.predict(handle_file(table), "", "", api_name="/predict_file")
        assert (found["aspect_column"], found["labels"]) == ("Target", {"negative": 4, "positive": 4})
        assert [row["prediction"] for row in read_csv(Path(files[1]))] == [label for *_, label in rows]
        short, _ = page.predict(handle_file(table), "", "", "", "1d", api_name="/trends")  # as scripts of before ask
        named, _ = page.predict(handle_file(table), "", "", "", "1d", "Target", "own", api_name="/trends")
        assert short["sentences"][0] == named["sentences"][0]
        assert any("Where the true labels are known (8 texts" in line for line in named["sentences"])
        with pytest.raises(AppError, match="mine.csv has no column 'topic'"):
            page.predict(handle_file(table), "", "", "", "1d", "topic", "", api_name="/trends")
        with opened(browser, url) as tab:
            tab.get_by_role("tab", name="Trends").click()
            tab.get_by_role("button", name="Show trends").wait_for()
            tab.locator("[role=tabpanel]:visible input[type=file]").set_input_files(table)
            tab.get_by_role("combobox", name="About").wait_for()
            wait_for(lambda: tab.get_by_role("combobox", name="About").input_value() == "Target")


def test_a_new_version_is_checked_with_the_aspects_of_its_golden_set(server, aspect_run, client, tmp_path):
    settings = [f"management_url={server.address('management')}", f"model_store={server.store}", f"server={server.url}"]
    settings += [f"engine.key_file={server.key_file}", "engine.model=aspects", f"records={tmp_path}"]
    main(["deploy", f"run={aspect_run}", *settings, "management.timeout=600", "limits.max_p95_ms=60000"])
    [record] = tmp_path.glob("*.json")
    evidence = read_json(record)["evidence"]
    assert (evidence["texts"], evidence["agreement"], evidence["accuracy"]) == (16, 1, 1)
    deadline = time.monotonic() + 60
    while client.describe().version != "2.0":
        assert time.monotonic() < deadline
        time.sleep(0.1)
