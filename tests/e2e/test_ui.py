"""The page's named end points, as a script asks them."""

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from sentiment.data.tables import Limits
from sentiment.errors import ConfigError, DataError
from sentiment.ui.command import check_login
from sentiment.ui.table import open_upload
from tests.conftest import read_csv, write_csv
from tests.e2e.pages import serving

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def feedback(tmp_path_factory):
    return tmp_path_factory.mktemp("ui") / "feedback.jsonl"


@pytest.fixture(scope="module")
def url(tiny_run, feedback):
    with serving(
        feedback.parent, "engine=local", f"run={tiny_run}", f"feedback={feedback}", "per_minute=80"
    ) as address:
        yield address


def ask(url, name, *data, **options):
    """(event, data) of an end point's answer."""
    with httpx.Client(timeout=60, **options) as http:
        event = http.post(f"{url}/gradio_api/call/{name}", json={"data": data}).json()["event_id"]
        lines = http.get(f"{url}/gradio_api/call/{name}/{event}").text.strip().splitlines()
    return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


def test_the_end_points_keep_their_names_and_parameters(url):
    named = httpx.get(f"{url}/gradio_api/info", timeout=60).json()["named_endpoints"]
    parameters = {name: [one["parameter_name"] for one in point["parameters"]] for name, point in named.items()}
    assert parameters == {
        "/classify": ["text", "aspect"],
        "/classify_version": ["text", "version", "aspect"],
        "/describe": [],
        "/correct": ["text", "label", "aspect"],
        "/suggest": ["path", "text_column", "count"],
        "/correct_table": ["path", "changed"],
        "/predict_file": ["path", "text_column", "aspect_column"],
        "/trends": ["path", "text_column", "time", "by", "every", "aspect_column", "true_column"],
    }


def test_a_text_gets_its_label(url):
    event, [answer] = ask(url, "classify", "good film", "")
    assert event == "complete"
    assert (answer["label"], answer["tokens"], answer["truncated"]) == ("positive", 4, False)
    assert sum(answer["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("classify", ["  ", ""], "text is empty"),
        ("classify_version", ["good film", "2.0", ""], "versions need a server"),
        ("correct", ["good film", "meh", ""], "label='meh': expected one of negative, positive"),
    ],
)
def test_an_error_is_its_message(url, name, data, message):
    event, answer = ask(url, name, *data)
    assert event == "error"
    assert message in json.dumps(answer)


def test_the_model_tells_what_it_is(url):
    _, [told] = ask(url, "describe")
    assert (told["name"], told["labels"], told["max_length"]) == ("tiny", ["negative", "positive"], 32)


def test_every_end_point_answers_gradios_own_client(url, tmp_path):
    client = Client(url, verbose=False, download_files=tmp_path / "got")
    assert client.predict("good film", api_name="/classify")["label"] == "positive"
    with pytest.raises(AppError, match="versions need a server"):
        client.predict("good film", "2.0", api_name="/classify_version")
    assert client.predict(api_name="/describe")["name"] == "tiny"
    assert client.predict("good film", "negative", api_name="/correct") == "saved"
    table = write_csv(tmp_path / "mine.csv", [("1", "good film"), ("2", "bad film"), ("3", "")], header=("id", "Text"))
    told, files = client.predict(handle_file(table), "", "", api_name="/predict_file")
    assert told["labels"] == {"negative": 1, "positive": 1}
    assert told["notice"].startswith("1 of 3 rows could not be scored")
    assert [Path(file).name for file in files] == [
        "mine-predicted.xlsx",
        "mine-predicted.csv",
        "mine-rows-not-scored.csv",
    ]
    assert [row["prediction"] for row in read_csv(Path(files[1]))] == ["positive", "negative", ""]
    other = write_csv(tmp_path / "other.csv", [("1", "good film")], header=("id", "opinion"))
    with pytest.raises(AppError, match="no column is clearly the one with the texts; text_column: one of id, opinion"):
        client.predict(handle_file(other), "", "", api_name="/predict_file")
    told, _ = client.predict(handle_file(other), "opinion", "", api_name="/predict_file")
    assert told["labels"] == {"negative": 0, "positive": 1}
    rows = [(f"2026-01-{day + 1:02}", f"{'good' if day % 2 else 'bad'} film") for day in range(11)]
    dated = write_csv(tmp_path / "dated.csv", rows, header=("created", "text"))
    told, files = client.predict(handle_file(dated), "", "created", "", "1w", api_name="/trends")
    assert told["sentences"][0].startswith("Of 11 texts: negative ")
    assert [Path(file).name for file in files] == ["monitor.html", "shares.xlsx", "shares.csv"]
    periods = [line.partition(",")[0] for line in Path(files[2]).read_text(encoding="utf-8-sig").splitlines()]
    assert periods == ["period", *["2025-12-29"] * 2, *["2026-01-05"] * 2]
    with pytest.raises(AppError, match="time=text: 'bad film' is not a date in ISO form"):
        client.predict(handle_file(dated), "", "text", "", "1w", api_name="/trends")


def test_scripts_get_suggestions_and_corrected_copies(url, feedback, tmp_path):
    client = Client(url, verbose=False, download_files=tmp_path / "got")
    kept = feedback.read_text(encoding="utf-8") if feedback.exists() else ""
    rows = [("7", "great trip"), ("8", "bad song"), ("9", "Great trip!"), ("10", "bad book")]
    table = write_csv(tmp_path / "mine.csv", rows, header=("id", "text"))
    found = client.predict(handle_file(table), "", 3, api_name="/suggest")
    assert sorted(one["text"] for one in found) == ["bad book", "bad song", "great trip"]
    assert list(found[0]["probabilities"]) == ["negative", "positive"]
    assert len(client.predict(handle_file(table), "text", 1, api_name="/suggest")) == 1
    with pytest.raises(AppError, match="count=0: expected 1 to 1000"):
        client.predict(handle_file(table), "text", -0.5, api_name="/suggest")
    labelled = write_csv(tmp_path / "labelled.csv", [("bad song", "positive"), ("fine", "positive")])
    change = {"bad song": ["positive", "negative"]}
    count, copy = client.predict(handle_file(labelled), change, api_name="/correct_table")
    assert (count, Path(copy).name) == (1, "labelled-corrected.csv")
    assert [row["label"] for row in read_csv(Path(copy))] == ["negative", "positive"]
    with pytest.raises(AppError, match="labelled.csv has none of the 1 changed labels"):
        client.predict(handle_file(labelled), {"else": ["a", "b"]}, api_name="/correct_table")
    assert (feedback.read_text(encoding="utf-8") if feedback.exists() else "") == kept  # suggesting keeps nothing


def test_corrections_of_many_at_once_are_all_kept(url, feedback):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: ask(url, "correct", f"good film {i}", "negative", ""), range(16)))
    assert answers == [("complete", ["saved"])] * 16
    kept = [json.loads(line) for line in feedback.read_text(encoding="utf-8").splitlines()]
    assert {f"good film {i}" for i in range(16)} <= {line["text"] for line in kept}
    assert {(line["label"], line["predicted"]) for line in kept} == {("negative", "positive")}


@pytest.fixture(scope="module")
def small(quick_run, tmp_path_factory):
    """A page that keeps little, behind a proxy on this machine."""
    folder = tmp_path_factory.mktemp("small")
    limits = ["max_file_mb=1", "max_rows=1000", "max_storage_mb=4", "per_minute=5", "trusted_proxies=[127.0.0.1]"]
    with serving(folder, "engine=local", f"run={quick_run}", "feedback=null", *limits) as address:
        yield address


def upload(url, name, body, visitor):
    files, headers = {"files": (name, body)}, {"X-Forwarded-For": visitor}
    return httpx.post(f"{url}/gradio_api/upload", files=files, headers=headers, timeout=60)


def test_a_fresh_session_is_no_fresh_visitor_but_another_address_behind_the_proxy_is(small):
    def asked(visitor, session):
        headers = {"X-Forwarded-For": visitor}
        with httpx.Client(timeout=60, headers=headers) as http:
            body = {"data": ["good film", ""], "session_hash": session}
            event = http.post(f"{small}/gradio_api/call/classify", json=body).json()["event_id"]
            return http.get(f"{small}/gradio_api/call/classify/{event}").text

    answers = [asked("192.0.2.1", f"session{i}") for i in range(6)]
    assert ["positive" in answer for answer in answers] == [True] * 5 + [False]
    assert "more than 5 requests in a minute" in answers[-1]
    assert "positive" in asked("192.0.2.2", "session0")


def test_an_upload_over_a_limit_is_refused_before_it_is_read(small):
    too_large = upload(small, "a.csv", b"text\n" + b"x" * 1_100_000, "192.0.2.3")
    assert (too_large.status_code, too_large.text) == (413, "more than 1 MB; send less")
    assert upload(small, "a.csv", b"text\n" + b"x" * 900_000, "192.0.2.3").status_code == 200
    second = upload(small, "b.csv", b"text\n" + b"x" * 900_000, "192.0.2.3")
    assert second.status_code == 429
    assert "one visitor may keep 1 MB here" in second.text
    for number in (4, 5, 6):  # files of the same content would be kept once
        taken = upload(small, "a.csv", b"text\n" + str(number).encode() * 900_000, f"192.0.2.{number}")
        assert taken.status_code == 200
    full = upload(small, "a.csv", b"text\n" + b"7" * 900_000, "192.0.2.7")
    assert full.status_code == 429
    assert "the tables of all visitors fill the 4 MB there are" in full.text


def test_other_requests_have_a_limit_too(small):
    answer = httpx.post(f"{small}/gradio_api/call/classify", content=b"x" * 4_100_000, timeout=60)
    assert (answer.status_code, answer.text) == (413, "more than 4 MB; send less")
    endless = httpx.post(f"{small}/gradio_api/queue/join", content=iter([b"{"]), timeout=60)
    assert endless.status_code == 411


BOMBS = {
    "one line": (b"text\n" + b"x" * 9_000_000, "bomb.csv.gz", "more than 1,000,000 characters"),
    "many bytes": (b"text\n" + (b"good film " * 40 + b"\n") * 30_000, "bomb.csv.gz", "more than 10,000,000 bytes"),
    "many rows": (b"text\n" + b"good film\n" * 1_001, "bomb.csv", "more than 1,000 rows"),
    "JSON": (b'{"text": "' + b"x" * 9_000_000 + b'"}', "bomb.jsonl.gz", "more than 1,000,000 characters"),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_a_table_that_grows_is_refused_while_it_is_read(tmp_path, kind):
    content, name, reason = BOMBS[kind]
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert path.stat().st_size < 200_000
    with pytest.raises(DataError, match=reason):
        open_upload(path, Limits(bytes=10_000_000, rows=1_000, line=1_000_000))


@pytest.mark.parametrize("column", ["text", "other"])
def test_a_long_value_that_a_parquet_file_repeats_is_refused_before_it_is_copied(tmp_path, column):
    values = {"text": ["good film"] * 1_000, column: ["x" * 2_000_000] * 1_000}
    pq.write_table(pa.table(values), tmp_path / "bomb.parquet", compression="zstd")
    assert (tmp_path / "bomb.parquet").stat().st_size < 100_000
    with pytest.raises(DataError, match="has 2,000,000 bytes, more than 1,000,000"):
        open_upload(tmp_path / "bomb.parquet", Limits(bytes=10_000_000, rows=1_000, line=1_000_000))


def test_a_page_open_to_strangers_wants_a_login():
    open_to_all = r"the page would answer anyone who reaches 0\.0\.0\.0; set auth="
    with pytest.raises(ConfigError, match=open_to_all):
        check_login(None, host="0.0.0.0", insecure=False)
    with pytest.raises(ConfigError, match=open_to_all):
        check_login("", host="0.0.0.0", insecure=False)
    assert check_login("ann:se:cret", host="0.0.0.0", insecure=False) == ("ann", "se:cret")
    assert check_login(["ann", "secret"], host="127.0.0.1", insecure=False) == ("ann", "secret")
    assert check_login(None, host="0.0.0.0", insecure=True) is None
    with pytest.raises(ConfigError, match="auth: expected a name and a password"):
        check_login("ann", host="127.0.0.1", insecure=False)


@pytest.mark.slow
def test_a_page_that_sigterm_ends_leaves_no_folder_behind(quick_run, tmp_path, monkeypatch):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with serving(tmp_path, "engine=local", f"run={quick_run}", "feedback=null"):
        assert [one.name[:15] for one in temporary.iterdir()] == ["sentiment-page-"]
    assert [*temporary.iterdir()] == []
