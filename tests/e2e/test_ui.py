"""The page's named end points, as a script asks them."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.e2e.pages import serving

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def feedback(tmp_path_factory):
    return tmp_path_factory.mktemp("ui") / "feedback.jsonl"


@pytest.fixture(scope="module")
def url(tiny_run, feedback):
    with serving(
        feedback.parent, "engine=local", f"run={tiny_run}", f"feedback={feedback}", "per_minute=40"
    ) as address:
        yield address


def ask(url, name, *data, **options):
    """(event, data) of an end point's answer."""
    with httpx.Client(timeout=60, **options) as http:
        event = http.post(f"{url}/gradio_api/call/{name}", json={"data": data}).json()["event_id"]
        lines = http.get(f"{url}/gradio_api/call/{name}/{event}").text.strip().splitlines()
    return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


def test_the_end_points_keep_their_names_and_parameters(url):
    named = httpx.get(f"{url}/gradio_api/info", timeout=60).json()["named_endpoints"]
    parameters = {name: [one["parameter_name"] for one in point["parameters"]] for name, point in named.items()}
    assert parameters == {
        "/classify": ["text"],
        "/classify_version": ["text", "version"],
        "/describe": [],
        "/correct": ["text", "label"],
        "/predict_file": ["path", "text_column"],
    }


def test_a_text_gets_its_label(url):
    event, [answer] = ask(url, "classify", "good film")
    assert event == "complete"
    assert (answer["label"], answer["tokens"], answer["truncated"]) == ("positive", 4, False)
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("classify", ["  "], "text is empty"),
        ("classify_version", ["good film", "2.0"], "versions need a server"),
        ("correct", ["good film", "meh"], "label='meh': expected one of negative, positive"),
    ],
)
def test_an_error_is_its_message(url, name, data, message):
    event, answer = ask(url, name, *data)
    assert event == "error"
    assert message in json.dumps(answer)


def test_the_model_tells_what_it_is(url):
    _, [told] = ask(url, "describe")
    assert (told["name"], told["labels"], told["max_length"]) == ("tiny", ["negative", "positive"], 32)


def test_corrections_of_many_at_once_are_all_kept(url, feedback):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: ask(url, "correct", f"good film {i}", "negative"), range(16)))
    assert answers == [("complete", ["saved"])] * 16
    kept = [json.loads(line) for line in feedback.read_text(encoding="utf-8").splitlines()]
    assert sorted(line["text"] for line in kept) == sorted(f"good film {i}" for i in range(16))
    assert {(line["label"], line["predicted"]) for line in kept} == {("negative", "positive")}
