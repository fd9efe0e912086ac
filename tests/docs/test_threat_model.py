"""The numbers of the threat model are those of the code and of the files that are shipped."""

import re

import yaml

from sentiment.config.compose import compose
from sentiment.data import text_folders as trees
from sentiment.data.tables import excel
from sentiment.inference import preprocessing as text
from sentiment.protocol import bodies
from sentiment.protocol import validation as schema
from sentiment.serving import watch
from sentiment.serving.settings import Settings
from sentiment.ui import command, storage
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "pages" / "explanation" / "threat-model.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"]
TEMPLATE = (ROOT / "deploy" / "proxy" / "sentiment.conf.template").read_text(encoding="utf-8")
RESPONDER = (ROOT / "src" / "sentiment" / "worker" / "responder.py").read_text(encoding="utf-8")


def number_in(content, before):
    """Return the number that stands after these words."""
    return int(re.search(re.escape(before) + r"([\d_]+)", content)[1])


def phrases():
    """Yield each bound as the page writes it, its value taken from where it is set."""
    serve, page, package = compose("serve"), compose("ui"), compose("package")
    settings = Settings(model_store=ROOT, work_dir=ROOT)
    proxy = {name: str(value).partition(":-")[2].strip("}") for name, value in COMPOSE["proxy"]["environment"].items()}
    yield f"{serve.token_expiration_min:,.0f} minutes (`token_expiration_min`)"
    yield f"a drain of {serve.drain_seconds} s (`drain_seconds`)"
    yield f"after `drain_seconds={serve.drain_seconds}`"
    yield f"{int(settings.properties([])['job_queue_size']):,} requests wait"
    yield f"{number_in(TEMPLATE, 'client_max_body_size '):,} bytes, then 413 before TorchServe"
    yield f"{number_in(RESPONDER, 'MAX_ANSWER = '):,} bytes, then 413 for that row"
    yield f"{schema.MAX_TEXTS:,} texts of {schema.MAX_CHARACTERS:,} characters"
    yield f"{schema.MAX_EXPLAINED} texts of {schema.MAX_EXPLAINED_CHARACTERS:,} characters"
    yield f"more than {package.max_seconds:g} s of work (`max_seconds`)"
    yield f"`response_timeout` {package.response_timeout} s"
    yield f"at most {text.MAX_MARKS} combining marks"
    yield f"takes {bodies.MAX_FORM_BYTES:,} bytes and {bodies.MAX_FIELDS} fields"
    yield f"after {watch.STILL_LOOKS} s without progress, {watch.STOPPED_LOOKS} s where a signal"
    yield f"{COMPOSE['proxy']['environment']['PROXY_CLIENT_TIMEOUT'].removesuffix('s')} s (`PROXY_CLIENT_TIMEOUT`)"
    yield f"{proxy['PROXY_RATE']} a second (`PROXY_RATE`)"
    yield f"{proxy['PROXY_BURST']} at once (`PROXY_BURST`)"
    yield f"{proxy['PROXY_CONNECTIONS']} under way (`PROXY_CONNECTIONS`)"
    yield f"{page.max_file_mb} MB (`max_file_mb`); any other body {storage.MAX_BODY // storage.MB} MB"
    yield f"{page.max_storage_mb:,} MB in all (`max_storage_mb`)"
    yield f"after {page.keep_minutes} minutes (`keep_minutes`)"
    yield f"{page.per_minute} a minute (`per_minute`)"
    yield f"{page.at_once} under way (`at_once`), {page.queue} waiting (`queue`)"
    yield f"{command.INFLATION} times `max_file_mb`, {page.max_rows:,} rows (`max_rows`)"
    yield f"{command.LONGEST_LINE:,} characters a line"
    yield f"{command.LOGINS} tries a minute"
    yield f"{excel.MEMORY >> 30} GiB and four times the limit"
    yield f"{trees.LARGEST >> 20} MiB a text"
    for name, host, port in (("8081", serve.management_host, serve.management_port),
                             ("8082", serve.metrics_host, serve.metrics_port),
                             ("7860", page.host, page.port)):  # fmt: skip
        yield f"| {name}, on {host}" if str(port) == name else f"port {port} of {name}"


def test_each_bound_of_the_threat_model_is_the_one_that_is_set():
    assert [phrase for phrase in phrases() if phrase not in PAGE] == []


def test_a_quarter_is_what_one_address_may_keep():
    assert "a quarter of uploads for one address" in PAGE
    assert storage.SHARE == 4
