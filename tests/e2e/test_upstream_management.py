"""The management API as pytorch/serve's own collections ask it: read, register, scale, choose, unregister."""

import httpx
import pytest

from sentiment.client import read_key
from sentiment.serving.archive import package
from tests.e2e.faults import with_settings

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def ask(spare, quick_run, tmp_path_factory):
    """Send a request to the management API; the store also holds `second.mar`, of version 2.0 and without workers."""
    made = package(run=quick_run, model_store=tmp_path_factory.mktemp("second"), name="second", version="2.0")
    with_settings(made, spare.store / "second.mar", minWorkers=0, maxWorkers=0)
    token = read_key(spare.key_file, "management")
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=spare.address("management"), headers=headers, timeout=120) as made:
        yield lambda method, path: made.request(method, path)
    (spare.store / "second.mar").unlink()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/models", 200),
        ("/models?limit=1", 200),
        ("/models?limit=-1", 200),  # TorchServe takes the default
        ("/models?limit=1&next_page_token=1", 200),
        ("/models?limit=1&next_page_token=-1", 200),
        ("/models?next_page_token=12", 200),  # past the end: an empty page
        ("/models/sentiment", 200),
        ("/models/sentiment/1.0", 200),
        ("/models/sentiment/all", 200),
        ("/models/none", 404),
        ("/models/sentiment/9.9", 404),
        ("/v1/models/sentiment", 200),
        ("/v1/models/none", 404),
        ("/nothing", 404),
    ],
)
def test_what_is_served_can_be_read(ask, path, status):
    answer = ask("GET", path)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.json()["code"] == status


def test_a_page_of_the_list_ends_with_the_token_of_the_next(ask):
    assert ask("POST", "/models?url=second.mar&initial_workers=0").status_code == 200
    first = ask("GET", "/models?limit=1").json()
    second = ask("GET", f"/models?limit=1&next_page_token={first['nextPageToken']}").json()
    third = ask("GET", f"/models?limit=1&next_page_token={second['nextPageToken']}").json()
    assert ask("DELETE", "/models/second").status_code == 200
    assert [model["modelName"] for page in (first, second) for model in page["models"]] == ["second", "sentiment"]
    assert third == {"models": []}  # a full page names a next one, even where it is empty


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("", 400, "url"),
        ("?url=", 404, ""),
        ("?url=none.mar", 404, "none.mar"),
        ("?url=sentiment.mar", 409, "already registered"),
        ("?url=../sentiment.mar", 404, ""),
        ("?url=https://example.invalid/a.mar", 404, "does not match any allowed URL"),
        ("?url=second.mar&model_name=third&runtime=python4", 400, "Invalid Runtime"),
    ],
    ids=["no url", "empty url", "not in the store", "registered twice", "above the store", "elsewhere", "runtime"],
)
def test_what_cannot_be_registered_is_refused_with_a_reason(ask, query, status, message):
    answer = ask("POST", f"/models{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, status), answer.text
    assert message in answer.json()["message"]
    assert names(ask) == ["sentiment"]


def names(ask):
    return [model["modelName"] for model in ask("GET", "/models").json()["models"]]


def test_a_handler_that_is_not_there_gets_no_worker(ask):
    answer = ask("POST", "/models?url=second.mar&model_name=bad&handler=none&initial_workers=1&synchronous=true")
    assert answer.status_code == 500
    assert ask("GET", "/models/bad").status_code == 404  # it does not stay half registered


def test_numbers_that_are_none_are_taken_for_the_defaults(ask):
    path = "/models?url=second.mar&model_name=odd&initial_workers=-1&batch_size=dd&max_batch_delay=junk&synchronous=-1"
    assert ask("POST", path).status_code == 200
    [told] = ask("GET", "/models/odd").json()
    assert (told["workers"], told["batchSize"], told["maxBatchDelay"]) == ([], 64, 1)  # those of the archive
    assert ask("DELETE", "/models/odd").status_code == 200


def test_two_versions_stand_beside_each_other_and_one_is_the_default(ask, spare):
    assert ask("POST", "/models?url=second.mar&model_name=sentiment&initial_workers=0").status_code == 200
    assert {one["modelVersion"] for one in ask("GET", "/models/sentiment/all").json()} == {"1.0", "2.0"}
    for version, status in (("2.0", 200), ("9.9", 404), ("1.0", 200)):
        assert ask("PUT", f"/models/sentiment/{version}/set-default").status_code == status
    assert ask("PUT", "/models/none/1.0/set-default").status_code == 404
    assert ask("DELETE", "/models/sentiment/1.0").status_code == 403  # the default one, while there is another
    assert ask("DELETE", "/models/sentiment/9.9").status_code == 404
    assert ask("DELETE", "/models/sentiment/2.0").status_code == 200
    assert ask("DELETE", "/models/none").status_code == 404
    assert [one["modelVersion"] for one in ask("GET", "/models/sentiment/all").json()] == ["1.0"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/models/sentiment?min_worker=1&max_worker=1&synchronous=true", 200),
        ("/models/sentiment/1.0?min_worker=1&synchronous=true", 200),
        ("/models/sentiment?min_worker=1&synchronous=nan", 202),
        ("/models/sentiment?min_worker=nan", 202),  # one worker, as without a number
        ("/models/sentiment", 202),
        ("/models/sentiment?timeout=-1", 202),
        ("/models/sentiment?number_gpu=10", 202),
        ("/models/sentiment?min_worker=2&max_worker=1", 400),
        ("/models/sentiment?max_worker=-1", 400),
        ("/models/sentiment/9.9?min_worker=1", 404),
        ("/models/none?min_worker=1", 404),
    ],
)
def test_scaling_answers_by_what_was_asked(ask, path, status):
    assert ask("PUT", path).status_code == status
    assert ask("PUT", "/models/sentiment?min_worker=1&max_worker=1&synchronous=true").status_code == 200
    [told] = ask("GET", "/models/sentiment").json()
    assert (told["minWorkers"], told["maxWorkers"], len(told["workers"])) == (1, 1, 1)


@pytest.mark.parametrize(("method", "path"), [("PUT", "/models"), ("DELETE", "/models"), ("POST", "/models/sentiment")])
def test_a_method_no_one_offers_is_405(ask, method, path):
    assert ask(method, path).status_code == 405
