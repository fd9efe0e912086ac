"""The serve command."""

import json
import logging
import shlex
import time
from functools import wraps
from typing import Any

from sentiment.asgi.lines import JsonLine
from sentiment.config import extras
from sentiment.console import stop_on_signals
from sentiment.serving.exposure import advice, banner
from sentiment.serving.ports import reachable
from sentiment.serving.process import Server
from sentiment.serving.settings import Backend, Settings

log = logging.getLogger(__name__)

SOON_DAYS = 14


@wraps(Settings, assigned=["__annotations__"], updated=[])  # the keys of conf/serve.yaml are its fields
def serve(**settings: Any) -> None:
    """Serve archives until Ctrl-C."""
    server = open_server(**settings)
    on_stdout = server.settings.logs == "stdout"
    if server.settings.json_logs and on_stdout:
        for handler in logging.getLogger().handlers:
            handler.setFormatter(JsonLine())
    where = "on standard output" if on_stdout else f"in {server.logs}"
    versions = ", ".join(f"{one.model} {one.version}" for one in server.archives)
    log.info("starting %s for %s, logs %s", server.NAME, versions, where)
    warn(server)
    started = time.monotonic()
    stop_on_signals()
    try:
        with server:
            log.info("ready after %.1f s; Ctrl-C stops it", time.monotonic() - started)
            log.info("%s", addresses(server, examples=not on_stdout))
            warn(server)
            wait_and_drain(server)
    except KeyboardInterrupt:
        log.info("stopped")


def open_server(backend: Backend = "torchserve", **settings: Any) -> Server:
    """Check that the extra of a backend is installed, and return its server, not started.

    Raises:
        MissingPackageError: The extra is not installed.
        ConfigError: A setting is invalid, or does nothing for this backend.
    """
    if backend == "granian":
        extras.require("backend=granian", ["sentiment.asgi"])
        from sentiment.serving.granian import Granian

        return Granian(backend=backend, **settings)
    extras.require("backend=torchserve", ["sentiment.serving.server"])
    from sentiment.serving.server import TorchServe

    return TorchServe(**settings)


def warn(server: Server) -> None:
    """Log warnings about network exposure, a world-readable key and a certificate that expires soon."""
    for line in banner(server.exposures):
        log.warning("%s", line)
    if (told := advice(server.settings)) and not server.exposures:
        log.warning("%s", told)
    if (own := server.identity) is None:
        return
    if own.key_is_open:
        log.warning("tls.key=%s can be read by every user of this machine; chmod 600 it", own.key)
    if own.days_left < SOON_DAYS:
        log.warning("tls.certificate=%s ends on %s; put a new one there and restart", own.certificate, own.expires)


def wait_and_drain(server: Server) -> None:
    """Wait for Ctrl-C or SIGTERM, then drain; a second signal stops the server at once."""
    try:
        server.wait()
    except KeyboardInterrupt:
        seconds = server.settings.drain_seconds
        log.info("stopping: requests under way are answered, for at most %g s; Ctrl-C again ends at once", seconds)
        try:
            if not server.drain():
                log.warning("not all requests were answered within drain_seconds=%g", seconds)
        except KeyboardInterrupt:
            server.stop(at_once=True)
        raise


def example(server: Server, model: str) -> str:
    """Return an example curl command for a model, with --resolve if the certificate names another host."""
    words, url, own = ["curl"], server.url, server.identity
    if own is not None:
        words += ["--cacert", shlex.quote(str(own.certificate))]
        host, port = reachable(server.settings.host), server.settings.inference_port
        if (name := own.server_name(host)) is not None:
            words += ["--resolve", f"{name}:{port}:{host}"]
            url = f"https://{name}:{port}"
    words.append(f"{url}/predictions/{model}")
    if server.key_file:
        words += ["-H", '"Authorization: Bearer $TOKEN"']
    reads_aspects = next(one.aspects for one in server.archives if one.model == model)
    body = {"text": "what a day", **({"aspect": "the weather"} if reads_aspects else {})}
    return " ".join([*words, "-H", "'Content-Type: application/json'", "-d", shlex.quote(json.dumps(body))])


def addresses(server: Server, *, examples: bool = True) -> str:
    """List the server's addresses and example shell commands; tokens are not printed."""
    lines = [f"{api:<11} {server.address(api)}" for api in server.ports]
    if server.key_file:
        lines.append(f"{'keys':<11} {server.key_file}")
    if examples and server.key_file:
        read = "import json, sys; print(json.load(open(sys.argv[1]))['inference']['key'])"
        lines.append(f'TOKEN=$(python3 -c "{read}" {shlex.quote(str(server.key_file))})')
    if examples:
        lines += [example(server, model) for model in server.models]
    return "\n".join(lines)
