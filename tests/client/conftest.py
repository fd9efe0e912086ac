"""A real HTTP server that answers as told, in place of TorchServe's worst days."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

HANG_UP = (0, None)  # in a script: close the connection without an answer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        server.seen.append((self.path, dict(self.headers), None))
        if self.path.startswith("/token?type=") and self.headers["Authorization"] == "Bearer maker":
            server.token = f"token-{len(server.seen)}"
            server.write_keys()
            self._answer(200, {})
        else:
            self._answer(*(server.script.pop(0) if server.script else REFUSED))

    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            server.seen.append((self.path, dict(self.headers), body))
            server.events.pop(len(server.seen), lambda: None)()
            server.active += 1
            server.most_active = max(server.most_active, server.active)
            status, answer = server.script.pop(0) if server.script else (200, echo(body["texts"]))
        if server.together:
            server.together.wait()
        time.sleep(server.seconds)
        with server.lock:
            server.active -= 1
        if server.token and self.headers["Authorization"] != f"Bearer {server.token}":
            status, answer = REFUSED
        self._answer(status, answer)

    do_PUT = do_DELETE = do_GET

    def _answer(self, status, answer):
        if (status, answer) == HANG_UP:
            self.close_connection = True
            return
        content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    """`script` holds (status, body) answers; when it is empty the texts come back as labels, or the token is refused.

    With a `token` only that one is let in; GET /token?type=... makes a new one for the API key, as TorchServe does.
    `events` holds what happens as a request comes, by its number; with a barrier in `together` requests wait there.
    """

    daemon_threads = True

    def __init__(self, key_file):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script, self.seen, self.lock = [], [], threading.Lock()
        self.events, self.together = {}, None
        self.token, self.seconds, self.active, self.most_active = None, 0.0, 0, 0
        self.key_file = key_file
        self.url = f"http://127.0.0.1:{self.server_port}"

    def write_keys(self, *, token=None, minutes=60):
        until = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
        entry = {"key": token or self.token, "expiration time": until}
        keys = {"inference": entry, "management": entry, "API": {"key": "maker"}}
        self.key_file.write_text(json.dumps(keys))

    def handle_error(self, request, client_address):
        pass  # a client that went away


REFUSED = (
    400,
    {"code": 400, "type": "InvalidKeyException", "message": "Token Authorization failed. Token either incorrect"},
)


def echo(texts):
    return {"predictions": [{"label": text, "score": 1.0, "probabilities": {text: 1.0}} for text in texts]}


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "key_file.json") as httpd:
        thread = threading.Thread(target=lambda: httpd.serve_forever(poll_interval=0.01), daemon=True)
        thread.start()
        yield httpd
        httpd.shutdown()
        thread.join()
