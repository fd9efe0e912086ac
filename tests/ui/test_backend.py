"""What the page learns of a server that is not there, and what it asks of one."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sentiment.client import Client
from sentiment.errors import ConfigError, RequestError
from sentiment.inference.predictor import Predictor
from sentiment.ui.backend import FRESH, Served, backend
from tests.clock import Clock
from tests.ports import free_ports


@pytest.fixture
def answering():
    """A server that answers 503 and counts."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.server.seen.append(self.path)
            self.send_error(503)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.seen = []
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield httpd
        httpd.shutdown()
        thread.join()


def test_a_server_that_is_not_there_is_a_state_not_an_error():
    [port] = free_ports(1)
    served = Served(Client(url=f"http://127.0.0.1:{port}"))
    assert served.state().model is None
    assert f"no answer from http://127.0.0.1:{port}" in served.state().problem
    assert served.versions() == []


def test_one_look_serves_all_open_pages_for_a_moment(answering):
    clock = Clock(100.0)
    served = Served(Client(url=f"http://127.0.0.1:{answering.server_port}"), clock=clock)
    assert [served.state().model for _ in range(10)] == [None] * 10
    assert len(answering.seen) == 1
    clock.now += FRESH + 0.1
    served.state()
    assert len(answering.seen) == 2


@pytest.mark.parametrize("version", ["../sentiment", "1.0/x", "1.0?x", "two", ""])
def test_only_a_version_comes_into_an_address(answering, version):
    served = Served(Client(url=f"http://127.0.0.1:{answering.server_port}"))
    with pytest.raises(RequestError, match="expected numbers parted by dots"):
        served.at(version)
    assert answering.seen == []


def test_a_version_of_a_client_that_names_one_already_replaces_it():
    assert Served(Client(model="sentiment/1.0")).at("2.0").model == "sentiment/2.0"


def test_a_model_in_this_process_has_one_version(tiny_run):
    local = backend(Predictor.load(tiny_run), run=tiny_run)
    assert local.state().model.name == "tiny"
    assert local.state().model.labels == ("negative", "positive")
    assert local.predict(["good film"])[0].label == "positive"
    with pytest.raises(RequestError, match="versions need a server"):
        local.predict(["good film"], "2.0")


def test_an_engine_the_page_cannot_describe_is_refused():
    class Other:
        def predict(self, texts):
            raise NotImplementedError

    with pytest.raises(ConfigError, match="engine is a Other; the page takes engine=rest or engine=local"):
        backend(Other(), run=None)
