"""What a real scrape of a loaded server holds, and what the real Prometheus makes of it."""

import csv
import re
import shutil
import subprocess
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import yaml

from sentiment.batch import predict
from sentiment.cli import main
from sentiment.config.resources import bundled
from sentiment.worker.activity import DRAINING
from sentiment.worker.metrics import LABELLED, METRICS, SUM_SECONDS, TRAINED, VALUE
from tests.conftest import read_csv, write_csv
from tests.e2e.faults import wait_for
from tests.ports import free_ports
from tests.worker.rules import check, near, promtool, values_of
from tests.worker.test_monitoring import DEPLOY, RECORDED, named, queries

pytestmark = pytest.mark.e2e

SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
JSON = {"Content-Type": "application/json"}
OF_NUMBERS = {"sentiment:share:mean"}  # of labels that are numbers
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
    settle(server)
    return server


def settle(server):
    """Wait until no count rises: a worker's counters are some time behind its answers."""
    seen = None
    while seen != (now := {name: own for name, own in scrape(server).items() if name.startswith("sentiment_")}):
        seen = now
        time.sleep(3 * SUM_SECONDS)


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
    assert not series[VALUE.name]  # the labels are no numbers
    for metric in (metric for metric in METRICS if metric != VALUE):
        [*found] = series[f"{metric.name}_count" if metric.kind == "histogram" else metric.name]
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
    series[VALUE.name] = series[TRAINED.name]  # of labels that are numbers
    for place, expression in queries().items():
        for metric, labels in named(expression).items():
            if ":" in metric:  # recorded, by rules that are among the queries
                assert metric in RECORDED, place
                continue
            assert series[metric], f"{place}: no metric {metric}"
            if place not in RECORDED:  # theirs are tested by their values
                assert labels <= set(series[metric][0][0]), f"{place}: {metric} has not all of {labels}"


@pytest.fixture(scope="module")
def traffic(loaded, way, tmp_path_factory):
    """Predictions of a known mix over REST: their file, what a scrape got more by them, and the monitor's shares."""
    folder = tmp_path_factory.mktemp("shares")
    with (bundled("data/demo") / "train.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file)][656:]
    mix = {"negative": 150, "neutral": 20, "positive": 30}
    texts = [row["text"] for label, count in mix.items() for row in [r for r in rows if r["label"] == label][:count]]
    write_csv(folder / "in.csv", [(text,) for text in texts], header=("text",))
    before = scrape(loaded)
    with loaded.client() as client:
        predict(input=folder / "in.csv", output=folder / "out.csv", engine=client, quiet=True)
    wait_for(lambda: total(scrape(loaded), LABELLED.name) - total(before, LABELLED.name) == len(texts), 60)
    words = ["monitor", f"run={way / 'run'}", f"input={folder / 'out.csv'}", "estimator=serving", "quiet=true"]
    main([*words, f"output={folder / 'monitor'}"])
    shares = {row["label"]: row for row in read_csv(folder / "monitor" / "shares.csv")}
    return before, scrape(loaded), shares


def increases(before, after):
    """Each series as a selector, with what a counter rose by and what a gauge is."""
    for name in (metric.name for metric in METRICS if metric.kind != "histogram"):
        for own, value in after[name]:
            labels = ",".join(f'{key}="{of}"' for key, of in own.items())
            yield f'{name}{{job="sentiment",{labels}}}', value - ("total" in name) * total(before, name, **own)


@pytest.mark.requires("promtool")
def test_the_recorded_shares_of_a_server_are_those_of_the_monitor(traffic, tmp_path):
    before, after, shares = traffic
    assert sum(int(row["texts"]) for row in shares.values()) == 200 * len(shares)
    expressions = []
    for label, row in shares.items():
        at = f'{{label="{label}", window="1h"}}'
        expressions.append(near(f"sentiment:share:counted{at}", float(row["counted"])))
        expressions.append(near(f"sentiment:share:corrected{at}", float(row["share"]), within=2e-3))
    check(tmp_path, values_of(dict(increases(before, after))), expressions)


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
    for name in ("alerts.yml", "shares.yml"):
        shutil.copy(DEPLOY / "prometheus" / name, tmp_path)
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
    waiting = {place: re.sub(r" (==|>=?) [\d.]+", "", query) for place, query in queries().items()}
    waiting = {place: query for place, query in waiting.items() if not OF_NUMBERS & {place, *named(query)}}
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
    rules = [rule for group in prometheus.get("/rules").json()["data"]["groups"] for rule in group["rules"]]
    assert {rule["health"] for rule in rules} == {"ok"}
    [(_, whole)] = [one["value"] for one in numbers(prometheus, 'sum(sentiment:share:corrected{window="1h"})')]
    assert float(whole) == pytest.approx(1)
    states = {rule["name"]: rule.get("state") for rule in rules}
    assert (states["SentimentDown"], states["SentimentAnswersNothing"]) == ("inactive", "inactive")
