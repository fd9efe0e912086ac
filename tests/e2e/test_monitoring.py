"""What a real scrape of a loaded server holds, and what the real Prometheus makes of it."""

import re
import shutil
import subprocess
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import yaml

from sentiment.worker.activity import DRAINING
from sentiment.worker.metrics import METRICS
from tests.ports import free_ports
from tests.worker.test_monitoring import DEPLOY, named, promtool, queries

pytestmark = pytest.mark.e2e

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
JSON = {"Content-Type": "application/json"}
BODIES = [
    b'{"text": "a day"}',
    b'{"texts": ["a day", "dull"]}',
    b'{"text": ""}',
    b'{"text": ',
    b'{"text": "' + b"long " * 100 + b'"}',
]


@pytest.fixture(scope="module")
def loaded(server, http):
    """The server after some traffic of all kinds."""

    def send(body):
        return http.post("/predictions/sentiment", content=body, headers=JSON)

    with ThreadPoolExecutor(8) as pool:
        statuses = [answer.status_code for answer in pool.map(send, BODIES * 8)]
    assert statuses == [200, 200, 400, 400, 200] * 8
    assert fail(server, http) == 503
    return server


def fail(server, http):
    """The status of a request to a server that is stopping."""
    flag = server.folder / "tmp" / "activity" / DRAINING
    flag.touch()
    try:
        return http.post("/predictions/sentiment", content=b'{"text": "a day"}', headers=JSON).status_code
    finally:
        flag.unlink()


def scrape(server):
    """The series of each metric: its labels and its value."""
    series = defaultdict(list)
    for name, labels, value in SAMPLE.findall(httpx.get(f"{server.address('metrics')}/metrics").text):
        series[name].append((dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)))
    return series


def total(series, name, **labels):
    return sum(value for own, value in series[name] if labels.items() <= own.items())


def test_every_metric_is_scraped_with_model_and_version(loaded):
    series = scrape(loaded)
    for metric in METRICS:
        [*found] = series[metric.name if metric.kind == "counter" else f"{metric.name}_count"]
        assert {(own["model_name"], own["model_version"]) for own, _ in found} == {("sentiment", "1.0")}
        assert {*metric.labels, "Hostname"} == set(found[0][0])


def test_counts_are_those_of_what_was_sent(loaded, http):
    before = scrape(loaded)
    body = {"texts": ["a day", "dull", "long " * 100], "details": True}
    told = http.post("/predictions/sentiment", json=body).json()["predictions"]
    for content in (b'{"text": ""}', b'{"txt": ""}'):
        assert http.post("/predictions/sentiment", content=content, headers=JSON).status_code == 400
    wanted = {
        ("sentiment_texts_total", None): 3,
        ("sentiment_tokens_total", None): sum(prediction["tokens"] for prediction in told),
        ("sentiment_truncated_total", None): 1,
        ("sentiment_rejected_total", "empty_text"): 1,
        ("sentiment_rejected_total", "wrong_form"): 1,
        ("sentiment_rejected_total", "not_json"): 0,
        ("sentiment_batch_requests_sum", None): 3,
        ("sentiment_batch_seconds_count", None): 3,
    }
    deadline = time.monotonic() + 60
    while True:  # the lines of a worker reach the frontend after its answers
        now = scrape(loaded)
        got = {
            (name, reason): total(now, name, **where) - total(before, name, **where)
            for name, reason in wanted
            for where in [{"reason": reason} if reason else {}]
        }
        if got == wanted or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    assert got == wanted
    assert 0 < total(now, "sentiment_batch_seconds_sum") - total(before, "sentiment_batch_seconds_sum") < 600


def test_dashboard_and_alerts_name_only_what_a_scrape_has(loaded):
    series = scrape(loaded)
    series["up"].append(({}, 1.0))  # Prometheus' own
    for place, expression in queries().items():
        for metric, labels in named(expression).items():
            assert series[metric], f"{place}: no metric {metric}"
            assert labels <= set(series[metric][0][0]), f"{place}: {metric} has not all of {labels}"


@pytest.mark.requires("promtool")
def test_our_metrics_are_named_as_prometheus_asks(loaded):
    text = httpx.get(f"{loaded.address('metrics')}/metrics").text
    complaints = promtool("check", "metrics", input=text).stderr
    assert not [line for line in complaints.splitlines() if line.startswith("sentiment_")]


@pytest.mark.slow
@pytest.mark.requires("prometheus")
def test_prometheus_scrapes_the_server_and_answers_every_query(loaded, http, tmp_path):
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["scrape_configs"][0]["static_configs"][0]["targets"] = [loaded.address("metrics").removeprefix("http://")]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(config))
    shutil.copy(DEPLOY / "prometheus" / "alerts.yml", tmp_path)
    [port] = free_ports(1)
    command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=60) as prometheus:
                check_queries(prometheus, loaded, http)
                check_rules(prometheus)
        finally:
            running.terminate()
            running.wait(30)


def check_queries(prometheus, server, http):
    """Every query, its threshold left out, has a number once a few scrapes are taken, under traffic that goes on."""
    waiting = {place: re.sub(r" (==|>) [\d.]+", "", query) for place, query in queries().items()}
    waiting = {place: query.partition("unless")[0] for place, query in waiting.items()}
    deadline = time.monotonic() + 240
    while waiting:
        assert time.monotonic() < deadline, f"no number for {waiting}"
        http.post("/predictions/sentiment", content=b'{"text": "a day"}', headers=JSON)
        fail(server, http)
        waiting = {place: query for place, query in waiting.items() if not numbers(prometheus, query)}
        time.sleep(0.5)


def numbers(prometheus, query):
    try:
        answer = prometheus.get("/query", params={"query": query})
    except httpx.ConnectError:  # not up yet
        return []
    if answer.status_code == 503:
        return []
    assert answer.json()["status"] == "success", answer.text
    return [one for one in answer.json()["data"]["result"] if one["value"][1] != "NaN"]


def check_rules(prometheus):
    """All are evaluated, and those of a server in good health are quiet."""
    [group] = prometheus.get("/rules").json()["data"]["groups"]
    assert {rule["health"] for rule in group["rules"]} == {"ok"}
    states = {rule["name"]: rule["state"] for rule in group["rules"]}
    assert (states["SentimentDown"], states["SentimentAnswersNothing"]) == ("inactive", "inactive")
