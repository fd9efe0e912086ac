"""The client against a real HTTP server that answers as told."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sentiment.client import Client, read_key
from sentiment.errors import ClientError, Unauthorized
from sentiment.schema import Prediction

NO_PAUSES = (0.0, 0.0)


@pytest.fixture
def server():
    """A server whose `script` holds (status, body) answers; when it is empty it echoes the texts as labels."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.server.seen.append((self.path, dict(self.headers), body))
            status, answer = self.server.script.pop(0) if self.server.script else (200, echo(body["texts"]))
            content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.script, httpd.seen = [], []
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        yield httpd
        httpd.shutdown()
        thread.join()


def echo(texts):
    return {"predictions": [{"label": text, "score": 1.0, "probabilities": {text: 1.0}} for text in texts]}


def client(server, **options):
    return Client(**{"url": f"http://127.0.0.1:{server.server_port}", "pauses": NO_PAUSES, **options})


def test_many_texts_go_in_several_requests_and_come_back_in_order(server):
    texts = [f"text {i}" for i in range(10)]
    with client(server, batch_size=4) as c:
        assert [p.label for p in c.predict(texts)] == texts
    assert [len(body["texts"]) for _, _, body in server.seen] == [4, 4, 2]
    assert {path for path, _, _ in server.seen} == {"/predictions/sentiment"}


def test_no_texts_ask_nothing(server):
    with client(server) as c:
        assert c.predict([]) == []
    assert server.seen == []


def test_a_busy_server_is_asked_again(server):
    server.script += [(503, {"message": "busy"}), (503, {"message": "busy"})]
    with client(server) as c:
        assert c.predict(["a"]) == [Prediction("a", 1.0, {"a": 1.0})]
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [413, 500])
def test_a_text_whose_worker_died_is_asked_again(server, status):
    """TorchServe tells a killed worker by 413 where it has seen its exit status, and else by 500."""
    server.script += [(status, {"code": status, "type": "InternalServerException", "message": "Worker died."})]
    with client(server) as c:
        assert [p.label for p in c.predict(["a"])] == ["a"]
    assert len(server.seen) == 2


def test_a_server_that_stays_busy_is_an_error_with_its_reason(server):
    server.script += [(503, {"message": "Model sentiment has no worker to serve inference request"})] * 3
    with client(server) as c, pytest.raises(ClientError, match="answered 503: Model sentiment has no worker") as caught:
        c.predict(["a"])
    assert caught.value.status == 503


def test_a_refused_request_is_not_repeated(server):
    server.script += [(400, {"message": "texts[0] is empty"})]
    with client(server) as c, pytest.raises(ClientError, match=r"answered 400: texts\[0\] is empty") as caught:
        c.predict([""])
    assert caught.value.status == 400
    assert len(server.seen) == 1


def test_an_answer_that_is_no_json_is_said(server):
    server.script += [(200, "<html>")]
    with client(server) as c, pytest.raises(ClientError, match="answered no JSON"):
        c.predict(["a"])


def test_a_dead_server_says_how_to_start_one(server):
    url = f"http://127.0.0.1:{server.server_port}"
    server.server_close()
    with (
        Client(url=url, pauses=()) as c,
        pytest.raises(ClientError, match="start the server with: sentiment serve") as e,
    ):
        c.predict(["a"])
    assert e.value.status is None


def test_the_token_comes_from_the_key_file(server, tmp_path):
    keys = tmp_path / "key_file.json"
    keys.write_text(json.dumps({"inference": {"key": "secret"}, "management": {"key": "other"}}))
    with client(server, key_file=keys) as c:
        c.predict(["a"])
    assert server.seen[0][1]["Authorization"] == "Bearer secret"
    assert read_key(keys, "management") == "other"


def test_without_a_key_file_no_token_is_sent(server, tmp_path):
    with client(server, key_file=tmp_path / "none.json") as c:
        c.predict(["a"])
    assert "Authorization" not in server.seen[0][1]


def test_a_broken_key_file_is_said(tmp_path):
    (tmp_path / "key_file.json").write_text("{}")
    with pytest.raises(Unauthorized, match="no key file of TorchServe"):
        read_key(tmp_path / "key_file.json", "inference")
