"""A job goes on only where its input, its model and all that can change an answer are the same."""

import json
import os

import httpx
import pytest

from sentiment.batch import predict
from sentiment.client import Client
from sentiment.errors import DataError, ModelChangedError
from sentiment.inference.checksums import export_hash
from sentiment.inference.predictor import Predictor
from sentiment.protocol.validation import MODEL_HEADER
from tests.batch.echo import Echo
from tests.conftest import read_csv, read_json, write_csv
from tests.handling import context


class Broken(Echo):
    """Fails at its n-th call, after the canary."""

    def __init__(self, calls, **deciding):
        super().__init__(**deciding)
        self.calls = calls

    def predict(self, texts):
        self.calls -= 1
        if not self.calls:
            raise OSError(28, "No space left on device")
        return super().predict(texts)


@pytest.fixture
def source(tmp_path):
    return write_csv(tmp_path / "in.csv", [(f"text {i}", f"note {i}") for i in range(10)], header=("text", "note"))


def begun(source, output, **settings):
    """A job that has done two chunks of two rows."""
    with pytest.raises(OSError, match="No space left"):
        predict(input=source, output=output, engine=Broken(4, window_step=0, export="a" * 64), chunk=2, **settings)


@pytest.mark.parametrize(
    ("deciding", "settings", "difference"),
    [
        ({"window_step": 64, "export": "a" * 64}, {}, "model.window_step was 0, is 64"),
        ({"window_step": 0, "export": "b" * 64}, {}, r"model.export was aaaaaaaaaaaa..., is bbbbbbbbbbbb..."),
        ({"window_step": 0, "export": "a" * 64}, {"text_column": "note"}, "settings.text_column was text, is note"),
        ({"window_step": 0, "export": "a" * 64}, {"prefix": "m_"}, "settings.prefix was , is m_"),
        ({"window_step": 0, "export": "a" * 64}, {"encoding": "latin-1"}, "encoding was nothing, is latin-1"),
    ],
)
def test_what_can_change_an_answer_is_named_and_nothing_is_mixed(source, tmp_path, deciding, settings, difference):
    output = tmp_path / "out.csv"
    begun(source, output)
    with pytest.raises(DataError, match=f"{difference}.*overwrite=true to start over, or choose another output"):
        predict(input=source, output=output, engine=Echo(**deciding), chunk=2, **settings)
    assert not output.exists()
    again = Echo(**deciding)
    predict(input=source, output=output, engine=again, chunk=2, overwrite=True, **settings)
    assert len(again.texts) == 1 + 10
    assert read_json(tmp_path / "out.csv.summary.json")["rows_done_before"] == 0


def test_a_touched_or_moved_input_is_the_same_and_a_changed_one_is_not(source, tmp_path):
    begun(source, tmp_path / "out.csv")
    moved = source.rename(tmp_path / "moved.csv")
    moved.touch()
    again = Echo(window_step=0, export="a" * 64)
    predict(input=moved, output=tmp_path / "out.csv", engine=again, chunk=2)
    assert len(again.texts) == 1 + 6
    begun(moved, tmp_path / "out.csv")
    before = moved.stat()
    moved.write_text(moved.read_text().replace("text 1", "text X"))
    os.utime(moved, ns=(before.st_atime_ns, before.st_mtime_ns))  # same size, same time
    with pytest.raises(DataError, match=r"input was \w{12}\.\.\., is \w{12}\.\.\."):
        predict(input=moved, output=tmp_path / "out.csv", engine=again, chunk=2)


def test_an_input_that_grows_during_the_job_is_noticed(source, tmp_path):
    class Appending(Echo):
        def predict(self, texts):
            with source.open("a") as file:
                file.write("late,x\n")
            return super().predict(texts)

    with pytest.raises(DataError, match="changed while"):
        predict(input=source, output=tmp_path / "out.csv", engine=Appending(), chunk=2)
    assert not (tmp_path / "out.csv").exists()


def test_a_predictor_tells_its_export_and_every_setting(tiny_run):
    own = Predictor.load(tiny_run, window_step=8).identity()
    assert own.deciding["export"] == export_hash(tiny_run / "export")
    assert (own.deciding["window_step"], own.deciding["runtime"], own.deciding["device"]) == (8, "torch", "cpu")
    assert {"max_length", "truncation", "temperature", "cleaning", "max_windows", "labels"} <= own.deciding.keys()
    assert own.details == {"run": str(tiny_run)}
    assert Predictor.load(tiny_run).identity() != own


def test_another_model_with_the_same_canary_is_another_model(tiny_copy, source, tmp_path):
    """One bit of the weights, far from what the canary shows."""
    before = Predictor.load(tiny_copy)
    weights = tiny_copy / "export" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    (tiny_copy / "export" / "SHA256SUMS").unlink(missing_ok=True)
    weights.write_bytes(content)
    assert Predictor.load(tiny_copy).identity() != before.identity()


class Server:
    """Answers as the handler does, `export` being the hash of what is served; None: a handler of before."""

    def __init__(self, export):
        self.export, self.version, self.requests = export, "1.0", 0

    def __call__(self, request):
        headers = {MODEL_HEADER: self.export} if self.export else {}
        if request.headers.get("describe"):
            told = {"name": "sentiment", "version": self.version, "labels": ["a", "b"], "max_length": 9}
            told |= {"truncation": "head"} | ({"sha256": self.export} if self.export else {})
            return httpx.Response(200, json=told, headers=headers)
        self.requests += 1
        texts = json.loads(request.content)["texts"]
        one = {"label": "a", "score": 0.9, "probabilities": {"a": 0.9, "b": 0.1}}
        return httpx.Response(200, json={"predictions": [one] * len(texts)}, headers=headers)


@pytest.mark.parametrize(
    ("export", "after", "named"),
    [("a" * 64, {"export": "b" * 64}, "export bbbbbbbbbbbb"), (None, {"version": "2.0"}, "sentiment 2.0")],
    ids=["told by each answer", "asked of an older server"],
)
def test_a_model_replaced_in_the_middle_stops_the_job(source, tmp_path, export, after, named):
    server = Server(export)

    class Deploying(httpx.MockTransport):
        def handle_request(self, request):
            if server.requests == 3:  # the canary and two chunks
                vars(server).update(after)
            return super().handle_request(request)

    client = Client(transport=Deploying(server), pauses=())
    with pytest.raises(ModelChangedError, match=rf"{named}.*stopped after \d rows.*overwrite=true"):
        predict(input=source, output=tmp_path / "out.csv", engine=client, chunk=2)
    assert not (tmp_path / "out.csv").exists()
    with pytest.raises(DataError, match=r"model\.(version|export) was"):
        predict(input=source, output=tmp_path / "out.csv", engine=client, chunk=2)
    client.predict(["a text"])  # the client itself asks whatever is served
    predict(input=source, output=tmp_path / "out.csv", engine=client, chunk=2, overwrite=True)
    assert len(read_csv(tmp_path / "out.csv")) == 10
    model = read_json(tmp_path / "out.csv.summary.json")["model"]
    assert (model["name"], model["version"], model["export"]) == ("sentiment", server.version, server.export)


def test_the_handler_names_its_export_with_every_answer(handler, tiny_run):
    made = context(2)
    handler.handle([{"body": {"text": "good film"}}, {"body": {"text": ""}}], made)
    sent = [made.request_processor[i].get_response_header(MODEL_HEADER) for i in range(2)]
    assert sent == [export_hash(tiny_run / "export")] * 2
