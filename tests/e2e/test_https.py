"""The real server over HTTPS, on all three APIs, and every command that asks it."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sentiment.client import read_key
from sentiment.serving.serve import addresses
from sentiment.serving.tls import Tls
from sentiment.ui.backend import Served
from tests.certificates import Authority, rewritten
from tests.conftest import read_csv, write_csv
from tests.e2e.conftest import on_free_ports
from tests.e2e.serving import run_command

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:Exception ignored in.*SSLSocket"),  # commands leave theirs to the process's end
]


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def https(store, authority):
    """A server whose certificate, for a name, an intermediate authority signed."""
    folder = store.parent
    certificate, key = authority.issue("serve.example")
    tls = {"certificate": certificate, "key": rewritten(key, folder / "pkcs8.key")}
    tls["key"].chmod(0o600)
    with on_free_ports(store, work_dir=folder / "serve", tls=Tls(**tls), model_api=True) as running:
        yield running


@pytest.fixture
def trust(https, authority):
    """The keys of a command that name the server, its tokens and whom to trust."""
    where = {"ca_file": authority.file, "server_name": "serve.example", "key_file": https.key_file}
    return {
        "engine": [f"server={https.url}", *(f"engine.{key}={value}" for key, value in where.items())],
        "management": [
            f"management_url={https.address('management')}",
            *(f"management.{key}={value}" for key, value in where.items()),
        ],
    }


def command(capsys, *words):
    """Exit status, and what was printed."""
    capsys.readouterr()
    return run_command(*words), "".join(capsys.readouterr())


def test_all_three_apis_speak_tls_and_nothing_else(https):
    for api in https.ports:
        assert https.address(api).startswith("https://")
        plain = httpx.get(https.address(api).replace("https://", "http://") + "/ping")
        assert plain.status_code == 403
    scraped = httpx.get(f"{https.address('metrics')}/metrics", verify=False)
    assert "ts_inference_requests_total" in scraped.text


def test_ready_models_and_predict_verify_the_certificate(https, trust, capsys, tmp_path):
    management = f"management_url={https.address('management')}"
    assert command(capsys, "ready", *trust["engine"], management)[0] == 0
    assert command(capsys, "ready", *trust["engine"], management, "check=live")[0] == 0
    status, out = command(capsys, "models", *trust["management"], f"model_store={https.store}")
    assert (status, "1 READY" in out) == (0, True)
    source = write_csv(tmp_path / "in.csv", [("good film",), ("bad film",)], header=("text",))
    words = ["predict", "engine=rest", *trust["engine"], f"input={source}", f"output={tmp_path}/out.csv"]
    subprocess.run([sys.executable, "-m", "sentiment", *words], check=True, capture_output=True)
    assert [row["prediction"] for row in read_csv(tmp_path / "out.csv")] == ["positive", "negative"]


@pytest.mark.slow
def test_deploy_rollback_and_the_page_verify_it_too(https, trust, capsys, tiny_run, tmp_path):
    words = [*trust["engine"], *trust["management"], f"model_store={https.store}", f"records={tmp_path}"]
    status, out = command(
        capsys, "deploy", f"run={tiny_run}", *words, "limits.max_p95_ms=10000", "limits.max_drop=null"
    )
    assert status == 0, out
    status, out = command(capsys, "rollback", *trust["management"], f"model_store={https.store}", f"records={tmp_path}")
    assert status == 0, out
    with https.client() as client:
        page = Served(client)
        assert page.state().model.labels == ("negative", "positive")
        assert [one.version for one in page.versions()] == ["1.0", "2.0"]


@pytest.mark.parametrize("name", ["ready", "predict", "models"])
def test_a_wrong_authority_is_one_line_of_each_command(https, trust, capsys, tmp_path, name):
    other = Authority(tmp_path).file
    source = write_csv(tmp_path / "in.csv", [("good film",)], header=("text",))
    words = {
        "ready": [*trust["engine"], "management_url=null", f"engine.ca_file={other}"],
        "predict": ["engine=rest", *trust["engine"], f"engine.ca_file={other}", f"input={source}"]
        + [f"output={tmp_path}/out.csv"],
        "models": [*trust["management"], f"management.ca_file={other}"],
    }[name]
    status, out = command(capsys, name, *words)
    assert status == 1
    [line] = [line for line in out.splitlines() if line.startswith("error: ")]
    assert "the server's certificate is refused" in line
    assert "ca_file=" in line


def test_plain_http_is_told_to_write_https(https, trust, capsys):
    url = https.url.replace("https://", "http://")
    words = [f"server={url}", f"engine.key_file={https.key_file}", "management_url=null"]
    status, out = command(capsys, "ready", *words)
    assert (status, out) == (1, f"error: {url}/predictions/sentiment: the server speaks TLS alone; write https://\n")


@pytest.mark.requires("curl")
def test_the_printed_lines_work_and_hold_no_token(https):
    lines = addresses(https).splitlines()
    printed = "\n".join(line for line in lines if line.startswith(("TOKEN=", "curl ")))
    assert read_key(https.key_file, "inference") not in "\n".join(lines)
    assert "$TOKEN" in printed
    done = subprocess.run(printed, shell=True, capture_output=True, check=True)
    assert json.loads(done.stdout)["label"] in ("positive", "negative")


def test_tokens_are_in_no_file_but_their_own_and_in_no_command_line(https):
    tokens = [read_key(https.key_file, name) for name in ("inference", "management", "API")]
    with https.management() as management:
        management.renew()
    tokens += [read_key(https.key_file, name) for name in ("inference", "management")]
    assert https.key_file.stat().st_mode & 0o777 == 0o600
    for path in [*(https.folder / "logs").iterdir(), https.folder / "console.log", *https.folder.glob("*.*")]:
        if path != https.key_file:
            assert not [token for token in tokens if token in Path(path).read_text(errors="replace")], path
    for process in https.processes():
        assert not [token for token in tokens if token in " ".join(process.cmdline())]
