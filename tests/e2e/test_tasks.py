"""Each kind of label on one real server: every form of request, files, the page and deployment give equal answers."""

import json
import re

import pytest
import yaml
from jsonschema import Draft202012Validator

from sentiment.cli import main
from sentiment.client import Client
from sentiment.inference.predictor import Predictor
from sentiment.serving.archive import package
from sentiment.ui import render
from sentiment.ui.backend import Served
from tests.conftest import ROOT, read_csv, write_csv
from tests.e2e.conftest import BACKENDS, keyed, on_free_ports
from tests.e2e.deploying import keys, last_record, start
from tests.e2e.faults import explaining
from tests.e2e.pages import browser, classify, needs_chromium, opened, serving  # noqa: F401

pytestmark = pytest.mark.e2e

KINDS = ("single", "scale", "multi")
TEXTS = ["great film test 0", "phone furious scared test 5", "bad and plain", "happy"]
DOCUMENT = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def runs(tiny_run, scale_run, multi_run):
    return dict(zip(KINDS, (tiny_run, scale_run, multi_run), strict=True))


def packaged(runs, folder):
    for kind, run in runs.items():
        package(run=run, model_store=folder / "store", name=kind)
    return folder


@pytest.fixture(scope="module")
def server(runs, tmp_path_factory):
    with start(packaged(runs, tmp_path_factory.mktemp("tasks"))) as running:
        for kind in KINDS:
            explaining(running, kind)
        yield running


@pytest.fixture(scope="module")
def granian(runs, tmp_path_factory):
    folder = packaged(runs, tmp_path_factory.mktemp("granian"))
    with on_free_ports(folder / "store", work_dir=folder / "serve", backend="granian") as running:
        yield running


@pytest.fixture(scope="module", params=BACKENDS)
def http(request, server):
    with keyed(server if request.param == "torchserve" else request.getfixturevalue("granian")) as made:
        yield made


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def expected(kind, runs):
    return Predictor.load(runs[kind]).predict(TEXTS)


def check(answer, schema):
    Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}).validate(
        answer
    )


def same(answer, prediction):
    """Whether the JSON of a prediction is that of the model in this process, to 1e-4."""
    own = prediction.to_json(details="tokens" in answer)
    assert answer.keys() == own.keys() | (answer.keys() & {"readable"})
    for key, value in own.items():
        near = isinstance(value, float | dict)
        assert answer[key] == (pytest.approx(value, abs=1e-4) if near else value)


def test_every_form_of_request_gives_the_answers_of_the_model_in_this_process(http, kind, expected):
    path, bodies = f"/predictions/{kind}", [{"text": TEXTS[0]}, {"text": TEXTS[0], "details": True}]
    plain = [http.post(path, json=body) for body in bodies]
    plain.append(http.post(path, content=TEXTS[0], headers={"Content-Type": "text/plain"}))
    for answer in plain:
        assert answer.status_code == 200, answer.text
        check(answer.json(), "Prediction")
        same(answer.json(), expected[0])
    for answer in (
        http.post(path, json={"texts": TEXTS}),
        http.post(f"/v1/models/{kind}:predict", json={"instances": [{"text": text} for text in TEXTS]}),
    ):
        check(answer.json(), "Predictions")
        for one, other in zip(answer.json()["predictions"], expected, strict=True):
            same(one, other)


def test_tensors_hold_the_same(http, kind, expected):
    tensor = {"name": "text", "shape": [len(TEXTS)], "datatype": "BYTES", "data": TEXTS}
    answer = http.post(f"/v2/models/{kind}/infer", json={"inputs": [tensor], "parameters": {"details": True}}).json()
    check(answer, "Inferred")
    found = {output["name"]: output["data"] for output in answer["outputs"]}
    rows = [value for one in expected for value in one.probabilities.values()]
    assert found["probabilities"] == pytest.approx(rows, abs=1e-4)
    if kind == "multi":
        assert found["labels"] == [name in one.labels for one in expected for name in one.probabilities]
        assert "label" not in found
    else:
        assert found["label"] == [one.label for one in expected]
    assert ("value" in found) == (kind == "scale")
    assert ("polarity" in found) == (kind != "multi")


def test_explanations_add_up_in_every_form(http, kind, runs, expected):
    own = Predictor.load(runs[kind]).explain(TEXTS[:1])[0]
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": TEXTS[:1]}
    plain = http.post(f"/explanations/{kind}", json={"text": TEXTS[0]}).json()
    [v1] = http.post(f"/v1/models/{kind}:explain", json={"instances": TEXTS[:1]}).json()["explanations"]
    v2 = http.post(f"/v2/models/{kind}/explain", json={"inputs": [tensor]}).json()
    for answer in (plain, v1, json.loads(v2["outputs"][0]["data"][0])):
        check(answer, "Explanation")
        assert answer["target"] == own.target
        assert [word["attribution"] for word in answer["words"]] == pytest.approx(
            [word.attribution for word in own.words], abs=1e-3
        )
        assert answer["probabilities"] == pytest.approx(expected[0].probabilities, abs=1e-3)


OF_RAY = ("ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
RAY = pytest.param("ray", marks=[pytest.mark.slow, pytest.mark.filterwarnings(*OF_RAY)])


@pytest.mark.parametrize("engine", ["local", "rest", RAY])
def test_files_are_answered_alike_by_every_engine(server, kind, runs, expected, engine, tmp_path):
    source = write_csv(tmp_path / "in.csv", [(text,) for text in TEXTS], header=("text",))
    given = [f"input={source}", f"output={tmp_path / 'out.csv'}", f"engine={engine}"]
    given += ["polarity=true"] if kind != "multi" else []
    if engine == "rest":
        given += [f"server={server.url}", f"engine.key_file={server.key_file}", f"engine.model={kind}"]
    else:
        given += [f"run={runs[kind]}", *(["engine.actors=1"] if engine == "ray" else [])]
    main(["predict", *given])
    rows = read_csv(tmp_path / "out.csv")
    for row, one in zip(rows, expected, strict=True):
        assert row["prediction"] == one.label
        shares = {name: float(row[f"p_{name}"]) for name in one.probabilities}
        assert shares == pytest.approx(one.probabilities, abs=1e-4)
        if kind != "multi":
            assert float(row["polarity"]) == pytest.approx(one.polarity, abs=1e-4)
        if kind == "scale":
            assert float(row["value"]) == pytest.approx(one.value, abs=1e-4)


def test_the_page_shows_what_the_server_answers(server, kind, expected):
    with Client(url=server.url, key_file=server.key_file, model=kind) as client:
        backend = Served(client)
        with backend.client, backend.looker:
            [prediction] = backend.predict(TEXTS[:1])
            state = backend.state()
        assert prediction.probabilities == pytest.approx(expected[0].probabilities, abs=1e-4)
        assert (state.model.task or {"kind": "single"})["kind"] == kind
        assert len(re.findall(r'class="series-\d best"', render.answer(prediction, state))) == (
            len(expected[0].labels) if kind == "multi" else 1
        )


@pytest.mark.slow
@needs_chromium
def test_a_browser_shows_it(browser, server, kind, expected, tmp_path):  # noqa: F811
    settings = [f"server={server.url}", f"engine.key_file={server.key_file}", f"engine.model={kind}"]
    with serving(tmp_path, *settings, f"feedback={tmp_path / 'corrections.jsonl'}") as url, opened(browser, url) as tab:
        classify(tab, TEXTS[1])
        shown = ", ".join(expected[1].labels) if kind == "multi" else expected[1].label
        tab.locator("#verdict strong").get_by_text(shown or "none of the labels", exact=True).wait_for()
        tab.locator("#words mark, #words .empty").first.wait_for()
        if kind == "multi":
            tab.locator("#target input").click()
            tab.get_by_role("option", name="joy").click()
            tab.locator("#words").get_by_text("joy").first.wait_for()


@pytest.mark.slow
def test_a_run_is_deployed_beside_its_archive(server, kind, runs):
    main(["deploy", *keys(server, "deploy"), f"engine.model={kind}", f"run={runs[kind]}"])
    record = last_record(server)
    assert (record["decision"], record["model"], record["version"]) == ("in place", kind, "2.0")
    with Client(url=server.url, key_file=server.key_file, model=kind) as client:
        assert client.describe().version == "2.0"


def test_a_threshold_goes_through_a_batch_job(server, tmp_path):
    source = write_csv(tmp_path / "in.csv", [(text,) for text in TEXTS], header=("text",))
    job = ["predict", f"input={source}", "engine=rest", f"server={server.url}", f"engine.key_file={server.key_file}"]
    for threshold, has in (("{joy: 0}", True), ("{joy: 1}", False)):
        main([*job, f"output={tmp_path / f'{has}.csv'}", "engine.model=multi", f"engine.threshold={threshold}"])
        rows = read_csv(tmp_path / f"{has}.csv")
        assert [("joy" in row["prediction"].split("|")) for row in rows] == [has] * len(TEXTS)


def test_a_threshold_and_a_polarity_go_through_the_client(server, runs):
    with Client(url=server.url, key_file=server.key_file, model="multi", threshold={"joy": 0}) as client:
        assert all("joy" in one.labels for one in client.predict(TEXTS))
    with Client(url=server.url, key_file=server.key_file, model="scale") as client:
        for one in client.predict(TEXTS):
            assert one.polarity == pytest.approx(one.value / 2, abs=1e-6)
