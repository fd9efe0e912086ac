"""The promotion gate against a real server under load: what is put in place, what is not, and the way back."""

import shutil
import signal
import subprocess
import sys
import time

import pytest

from sentiment.cli import main
from sentiment.inference.predictor import Predictor
from sentiment.serving.archive import package
from tests.conftest import write_csv
from tests.e2e.deploying import TEXTS, changed, keys, last_record, load, same, start, state, wait_for_more
from tests.e2e.serving import run_command

pytestmark = pytest.mark.e2e
WORDS = {"good": "positive", "bad": "negative"}


@pytest.fixture(scope="module")
def better(tiny_run, tmp_path_factory):
    """A second run, whose probabilities tell it from the first."""
    return changed(tiny_run, tmp_path_factory.mktemp("runs") / "better", 2)


@pytest.fixture(scope="module")
def place(quick_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deploy")
    package(run=quick_run, model_store=folder / "store")
    return folder


@pytest.fixture(scope="module")
def serving(place):
    with start(place) as running:
        yield running


@pytest.fixture
def command(serving, capfd):
    """Run `sentiment NAME ...` against the server; its exit status and what it printed."""

    def run(name, *overrides):
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            status = run_command(name, *keys(serving, name), *overrides)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return status, "".join(capfd.readouterr())

    return run


def test_a_run_is_put_in_place_and_taken_back_while_no_request_fails(serving, command, tiny_run, better):
    with load(serving, tiny_run, better) as answers:
        status, out = command("deploy", f"run={better}")
        assert status == 0, out
        assert "sentiment 2.0 is in place; sentiment rollback goes back to 1.0" in out
        served, archives = state(serving)
        assert served == {"1.0": False, "2.0": True}
        assert archives == ["sentiment-2.0.mar", "sentiment.mar"]
        wait_for_more(answers, "better")
        status, out = command("rollback")
        assert status == 0, out
        assert state(serving)[0] == {"1.0": True, "2.0": False}
        wait_for_more(answers, "tiny")
    assert last_record(serving)["decision"] == "rolled back"
    status, out = command("rollback")
    assert status == 1
    assert "no version of sentiment was in place before 1.0" in out
    with serving.management() as management:
        management.unregister("sentiment", "2.0")
    (serving.store / "sentiment-2.0.mar").unlink()


@pytest.fixture
def worse(tiny_run, tmp_path):
    return changed(tiny_run, tmp_path / "worse", -1)


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["limits.max_drop=0.05"], "accuracy is 0"),
        pytest.param(
            ["limits.max_p95_ms=0.001", "limits.max_drop=null"],
            "95 % of single texts take up to",
            marks=pytest.mark.slow,
        ),
    ],
    ids=["scores_worse", "too_slow"],
)
def test_a_version_that_does_not_pass_is_refused_and_leaves_nothing(serving, command, worse, overrides, reason):
    before = state(serving)
    status, out = command("deploy", f"run={worse}", *overrides)
    assert status == 1
    assert "is not put in place: " in out
    assert reason in out
    assert state(serving) == before
    record = last_record(serving)
    assert record["decision"] == "refused"
    assert reason in record["reason"]
    assert record["evidence"]["agreement"] == 1.0


@pytest.mark.slow
def test_a_version_that_got_worse_at_negation_is_refused(serving, command, worse, tmp_path):
    """Sixteen templates that the version in place passes, and the new one fails; its other scores are not looked at."""
    things = ("film", "meal", "phone", "trip", "song", "book", "game", "room")
    cases = [("minimum", f"{one} {thing}", label) for thing in things for one, label in WORDS.items()]
    write_csv(tmp_path / "negation.csv", cases, header=("kind", "text", "label"))
    before = state(serving)
    given = [f"behaviour={tmp_path}", "limits.max_drop=null", "limits.max_behaviour_failures={negation: 0.2}"]
    status, out = command("deploy", f"run={worse}", *given)
    assert (status, state(serving)) == (1, before), out
    reason = last_record(serving)["reason"]
    assert reason in out
    assert "it fails 100.0% of the behaviour tests of negation, allowed 20.0% (max_behaviour_failures)" in reason
    assert "it fails 100.0% of the behaviour tests of negation, the version in place 0.0%, which is more than" in reason


@pytest.mark.slow
def test_a_server_that_answers_otherwise_than_the_export_is_refused(serving, command, tiny_run, worse, tmp_path):
    """The archive is made of another run than the one that is deployed, as a broken build would."""
    swapped = tmp_path / "swapped.py"
    swapped.write_text(f"""
from sentiment.serving.archive import package


def other(*, run, **options):
    return package(run={str(worse)!r}, **options)
""")
    sys.path.insert(0, str(tmp_path))
    before = state(serving)
    try:
        status, out = command("deploy", f"run={tiny_run}", "package._target_=swapped.other", "limits.max_drop=null")
    finally:
        sys.path.remove(str(tmp_path))
    assert status == 1
    assert "it gives the label of the exported model to" in out
    assert "a probability differs by" in out
    assert state(serving) == before


def test_what_cannot_be_deployed_is_said_before_anything_is_done(serving, command, tiny_run, tmp_path):
    before = state(serving)
    other = write_csv(tmp_path / "golden.csv", [("good film", "joy"), ("bad film", "grief")])
    for overrides, status, reason in (
        (["version=1.0"], 2, "version=1.0: sentiment has this one already"),
        ([f"golden={other}"], 2, "has the label 'grief', the model knows negative, positive"),
        (["run=nowhere"], 2, "run=nowhere: no such folder"),
        ([f"model_store={tmp_path}/none"], 1, "no such folder; name the one that the server serves"),
    ):
        code, out = command("deploy", *([] if "run=nowhere" in overrides else [f"run={tiny_run}"]), *overrides)
        assert (code, reason in out) == (status, True), out
    (tmp_path / "store").mkdir()
    code, out = command("deploy", f"run={tiny_run}", f"model_store={tmp_path}/store")
    assert code == 1
    assert f"is {tmp_path}/store the store of this server?" in out
    assert not list((tmp_path / "store").glob("*.mar"))
    assert state(serving) == before


@pytest.mark.slow
def test_ctrl_c_leaves_the_old_version_in_place_and_nothing_of_the_new_one(serving, better, tmp_path):
    before = state(serving)
    deploy = [sys.executable, "-m", "sentiment", "deploy", f"run={better}", *keys(serving, "deploy")]
    golden = write_csv(tmp_path / "golden.csv", [("good film " * 40, "positive")] * 20_000)
    log = tmp_path / "log"
    with log.open("w") as output:
        running = subprocess.Popen([*deploy, f"golden={golden}", "texts=20000"], stdout=output, stderr=output)
        deadline = time.monotonic() + 180
        while "checking sentiment" not in log.read_text():
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert len(state(serving)[0]) == len(before[0]) + 1
        running.send_signal(signal.SIGINT)
        assert running.wait(120) == 130, log.read_text()
    assert state(serving) == before
    assert last_record(serving)["decision"] == "stopped"


@pytest.mark.slow
def test_what_was_put_in_place_is_the_default_after_a_restart(serving, command, place, better):
    """The last of this module: it stops the server."""
    status, out = command("deploy", f"run={better}")
    assert status == 0, out
    version = last_record(serving)["version"]
    serving.stop()
    with start(place) as again, again.client() as client:
        assert state(again)[0] == {"1.0": False, version: True}
        assert same(client.predict(TEXTS), Predictor.load(better).predict(TEXTS))
        main(["rollback", *keys(again, "rollback")])
        assert state(again)[0] == {"1.0": True, version: False}


def test_a_server_that_does_not_register_is_told_from_one_that_does(server, tiny_run, tmp_path, capfd):
    store = shutil.copytree(server.store, tmp_path / "store")
    given = [
        override.replace(f"model_store={server.store}", f"model_store={store}") for override in keys(server, "deploy")
    ]
    with pytest.raises(SystemExit) as ended:
        main(["deploy", f"run={tiny_run}", *given, f"records={tmp_path}/records"])
    assert ended.value.code == 1
    assert "start it with: sentiment serve model_api=true" in capfd.readouterr().err
    assert sorted(path.name for path in store.iterdir()) == ["sentiment.mar"]
