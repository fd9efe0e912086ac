"""Both images, built here and used as an outsider would: SENTIMENT_IMAGES names a folder that keeps their base."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import gradio_client
import httpx
import psutil
import pytest

from sentiment.cli import main
from tests.deploy.engine import INSIDE, Container, Engine, base_archive, checkout, network, pip_volumes, torch_index

pytestmark = [
    pytest.mark.slow,
    pytest.mark.e2e,
    pytest.mark.timeout(3600),
    pytest.mark.requires("buildah", "debootstrap", "ip"),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for chroots and network namespaces"),
]
USER = 10001
SERVER, TEXTS = f"http://{INSIDE}:8080", ["a good film", "a bad meal"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory, tiny_run):
    """Both images, the server's with a model baked in, from a clean checkout."""
    folder = tmp_path_factory.mktemp("images")
    cache = Path(os.environ.get("SENTIMENT_IMAGES", folder))
    context = checkout(folder / "checkout")
    main(["package", f"run={tiny_run}", f"model_store={context / 'model_store'}"])
    made = Engine(folder / "storage")
    try:
        made.load(base_archive(cache))
        index = folder / "torch-index"
        volumes = [*pip_volumes(folder), f"{index}:{index}:ro"]
        made.build(context, "-m", "sentiment.mar", *torch_index(index), volumes=volumes)
        yield made
    finally:
        made.clear()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """The volume that both containers mount, as an engine makes it: the image's user owns it."""
    folder = tmp_path_factory.mktemp("outputs")
    os.chown(folder, USER, USER)
    return folder


@pytest.fixture(scope="module")
def served(engine, outputs, tmp_path_factory):
    log = tmp_path_factory.mktemp("serve") / "log"
    with network("sentiment-serve") as name:
        mounted = [f"{outputs}:/srv/sentiment/outputs"]
        container = Container(engine, "localhost/bert-sentiment-serve:latest", name, volumes=mounted)
        assert not container.healthy()
        with container.started("json_logs=true", log=log) as process:
            container.log, container.process = log, process
            wait_until(container.healthy, seconds=300, told=log.read_text)
            yield container


@pytest.fixture(scope="module")
def page(engine, outputs, served, tmp_path_factory):
    log = tmp_path_factory.mktemp("ui") / "log"
    mounted = [f"{outputs}:/srv/sentiment/outputs:ro"]
    container = Container(engine, "localhost/bert-sentiment-ui:latest", served.network, volumes=mounted)
    assert not container.healthy()
    with container.started("published=127.0.0.1", "management_url=null", "feedback=null", log=log):
        wait_until(container.healthy, seconds=300, told=log.read_text)
        yield container


def wait_until(true, *, seconds, told=str):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, told()


def token(container):
    return json.loads(container.run("cat", "outputs/serve-8080/key_file.json").stdout)["inference"]["key"]


def test_predictions_reach_an_outsider_who_has_a_token(served, tiny_run):
    headers = {"Authorization": f"Bearer {token(served)}"}
    answer = httpx.post(f"{SERVER}/predictions/sentiment", json={"texts": TEXTS}, headers=headers, timeout=30)
    assert answer.status_code == 200
    from sentiment import Predictor

    expected = Predictor.load(tiny_run).predict(TEXTS)
    assert [one["score"] for one in answer.json()["predictions"]] == pytest.approx([one.score for one in expected])


def test_an_outsider_without_a_token_gets_nothing(served):
    answer = httpx.post(f"{SERVER}/predictions/sentiment", json={"texts": TEXTS})
    assert answer.status_code == 400
    assert "Token Authorization failed" in answer.json()["message"]


def test_metrics_are_open_and_the_management_api_is_not(served):
    assert "ts_inference_requests_total" in httpx.get(f"http://{INSIDE}:8082/metrics").text
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{INSIDE}:8081/models")


def test_all_processes_run_under_tini_as_the_images_user(served):
    [tini] = served.processes("tini")
    running = served.processes()
    assert {uid for process in running for uid in process.uids()} == {USER}
    assert {process.pid for process in running} == {tini.pid, *(child.pid for child in tini.children(recursive=True))}
    assert {"java", "python"} <= {process.name().rstrip("0123456789.") for process in running}


def test_nothing_is_written_outside_the_volume_and_the_temporary_folder(served):
    """So the root file system can be read-only."""
    root = served.root
    own = [path for path in root.rglob("*") if not path.is_symlink() and path.stat().st_uid == USER]
    assert [path for path in own if path.relative_to(root).parts[0] != "tmp"] == [root / "srv/sentiment/outputs"]


def test_the_log_is_one_json_object_a_line_without_a_token(served):
    text = served.log.read_text()
    assert any("ready after" in json.loads(line)["message"] for line in text.splitlines())
    assert token(served) not in text


def test_the_health_check_fails_without_a_worker_and_recovers_with_a_new_one(served):
    kept_away = threading.Event()

    def kill():
        while not kept_away.wait(0.1):
            for worker in served.processes("model_service_worker"):
                worker.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        time.sleep(1)
        assert not served.healthy()
    finally:
        kept_away.set()
        killer.join()
    wait_until(served.healthy, seconds=180, told=served.log.read_text)


def test_the_page_of_its_image_answers_through_the_server(page, tiny_run):
    client = gradio_client.Client(f"http://{INSIDE}:7860", verbose=False)
    from sentiment import Predictor

    [expected] = Predictor.load(tiny_run).predict(TEXTS[:1])
    assert client.predict(TEXTS[0], api_name="/classify")["score"] == pytest.approx(expected.score)


def test_an_image_has_what_it_needs_and_no_more(served, page):
    assert served.run("python", "-c", "import torch; print(torch.version.cuda)").stdout == "None\n"
    for container, absent in ((served, "gradio"), (page, "torch")):
        assert f"No module named '{absent}'" in container.run("python", "-c", f"import {absent}").stderr


def test_a_sigterm_ends_every_process(served):
    """The last test: a page that shares the network ends here too."""
    running = served.processes()
    for tini in served.processes("tini"):
        tini.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(running, timeout=40)
    assert not alive
    assert served.process.wait(30) == 0
    assert not served.healthy()
