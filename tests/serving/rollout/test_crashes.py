"""SIGKILL at every step of a deployment, a rollback and a choice: what a restart then serves, and what mends it.

The server is a file here, so that its state outlives the killed process; tests/e2e/test_crashes.py has the real one.
"""

import contextlib
import os
import shutil
import signal
from pathlib import Path

import pytest

from sentiment.console import SIGNALS
from sentiment.errors import NotFoundError, ServingError
from sentiment.serving.archive import package
from sentiment.serving.models import choose, remove
from sentiment.serving.rollout.candidate import Candidate
from sentiment.serving.rollout.deploy import withdraw_left
from sentiment.serving.rollout.rollback import rollback
from sentiment.serving.store import Archive, archives_to_serve, candidate_of, candidates, held, history, settle_history
from tests.serving.rollout.disk_server import DiskServer

KILLED = 9


@pytest.fixture(scope="module")
def made(tiny_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    for version in ("1.0", "2.0", "3.0"):
        package(run=tiny_run, model_store=folder, file=f"sentiment-{version}", version=version)
    return folder


def begin(folder, made, *versions):
    """A store with archives, of which the last one is the default of a running server."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "store").mkdir(parents=True)
    server = DiskServer(folder / "server.json", folder / "store")
    server.write(None, {})
    for version in versions:
        shutil.copy(made / f"sentiment-{version}.mar", folder / "store")
        server.register(f"sentiment-{version}.mar")
    return server


def killed_at(step, work):
    """Run `work` in a process that is killed before an effect on disk or server; False where it has fewer of them."""
    child = os.fork()
    if child == 0:
        try:
            count = iter(range(step + 1))
            for owner, name in (
                *((DiskServer, name) for name in ("register", "set_default", "unregister")),
                (os, "replace"),
                (Path, "unlink"),
            ):
                setattr(owner, name, counted(getattr(owner, name), count))
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == KILLED


def counted(effect, count):
    def wrapped(*arguments, **options):
        if next(count, None) is None:
            os._exit(KILLED)
        return effect(*arguments, **options)

    return wrapped


def every_step(work_of, check):
    for step in range(40):
        if not killed_at(step, work_of()):
            assert step > 0
            return step
        check()
    raise AssertionError("no end")


def candidate(server, version, in_place):
    archive = server.store / f"sentiment-{version}.mar"
    engine = type("Engine", (), {"model": "sentiment"})
    return Candidate(engine=engine, management=server, archive=archive, version=version, in_place=in_place)


def deploy(server, made, version, in_place, *, passes):
    def copied(*, run, model_store, name, version, workers, file):
        partial = model_store / f".{file}.part"
        shutil.copy(made / f"sentiment-{version}.mar", partial)
        os.replace(partial, model_store / f"{file}.mar")

    one = candidate(server, version, in_place)
    one.register(copied, None, workers=1)
    if passes:
        one.promote()
    else:
        one.withdraw()


def default_after_restart(server):
    return archives_to_serve(server.store)[0].version


@pytest.mark.parametrize("passes", [False, True], ids=["refused", "passes"])
@pytest.mark.parametrize("former", [False, True], ids=["copied_by_hand", "deployed_before"])
def test_a_deployment_killed_at_any_step_promotes_nothing_that_was_not_checked(made, tmp_path, passes, former):
    folder = tmp_path / "place"

    def work():
        nonlocal server
        server = begin(folder, made, "1.0")
        if former:
            (server.store / "sentiment.versions.json").write_text('{"versions": ["1.0"]}')
        return lambda: deploy(server, made, "2.0", "1.0", passes=passes)

    def check():
        visible = {path.name for path in server.store.glob("sentiment*.mar")}
        assert default_after_restart(server) == ("2.0" if "sentiment-2.0.mar" in visible else "1.0")
        if not passes:
            assert visible == {"sentiment-1.0.mar"}
            assert server.read()["default"] == "1.0"
        withdraw_left(server, "sentiment", server.store)
        assert candidates(server.store) == []
        if "sentiment-2.0.mar" not in visible:
            assert list(server.read()["versions"]) == ["1.0"]
        assert rollback_or_none(server) in ("1.0", None)
        assert server.read()["default"] == default_after_restart(server) == "1.0"

    server = None
    steps = every_step(work, check)
    assert steps >= 4
    work()()
    assert default_after_restart(server) == server.read()["default"] == ("2.0" if passes else "1.0")


def rollback_or_none(server):
    """The version that is in place again; None where none was before."""
    with contextlib.suppress(ServingError):
        return rollback(
            management=server, model_store=server.store, name="sentiment", records=server.state.parent / "log"
        )
    return None


@pytest.fixture(autouse=True)
def signals():
    """A rollback takes the signals that ask to stop."""
    handlers = {taken: signal.getsignal(taken) for taken in SIGNALS}
    yield
    for taken, handler in handlers.items():
        signal.signal(taken, handler)


def test_a_rollback_killed_at_any_step_is_finished_by_the_next_one(made, tmp_path):
    def work():
        nonlocal server
        server = begin(tmp_path / "place", made, "1.0")
        deploy(server, made, "2.0", "1.0", passes=True)
        return lambda: rollback_or_none(server)

    def check():
        assert default_after_restart(server) in ("1.0", "2.0")
        rollback_or_none(server)
        assert default_after_restart(server) == server.read()["default"] == "1.0"

    server = None
    assert every_step(work, check) >= 3


@pytest.mark.parametrize("verb", ["choose", "unregister"])
def test_a_choice_killed_at_any_step_leaves_a_default_that_is_served(made, tmp_path, verb):
    def work():
        nonlocal server
        server = begin(tmp_path / "place", made, "1.0")
        deploy(server, made, "2.0", "1.0", passes=True)
        if verb == "choose":
            return lambda: choose(server, "sentiment", "1.0", server.store)
        return lambda: remove(server, "sentiment", "1.0", server.store)

    def check():
        after = [one.version for one in archives_to_serve(server.store)]
        assert after[0] in (("1.0", "2.0") if verb == "choose" else ("2.0",))
        work_again = {"choose": choose, "unregister": remove}[verb]
        if verb == "choose" or "1.0" in server.read()["versions"]:
            work_again(server, "sentiment", "1.0", server.store)
        assert default_after_restart(server) == server.read()["default"] == ("1.0" if verb == "choose" else "2.0")

    server = None
    assert every_step(work, check) >= 2


def test_a_server_that_refuses_leaves_the_store_as_it_was(made, tmp_path, monkeypatch):
    server = begin(tmp_path, made, "1.0")
    deploy(server, made, "2.0", "1.0", passes=True)

    def refuse(*_, **__):
        raise NotFoundError("no such version")

    monkeypatch.setattr(server, "set_default", refuse)
    with pytest.raises(NotFoundError):
        choose(server, "sentiment", "1.0", server.store)
    assert history(server.store, "sentiment") == ["1.0", "2.0"]


def test_a_candidate_is_no_archive_of_the_store_and_an_archive_copied_by_hand_is(made, tmp_path):
    server = begin(tmp_path, made, "1.0")
    shutil.copy(made / "sentiment-3.0.mar", candidate_of(server.store / "sentiment-3.0.mar"))
    assert archives_to_serve(server.store) == [Archive("sentiment-1.0.mar", "sentiment", "1.0")]
    shutil.copy(made / "sentiment-2.0.mar", server.store)
    assert default_after_restart(server) == "2.0"


def test_a_version_recorded_without_its_archive_counts_for_nothing(made, tmp_path):
    server = begin(tmp_path, made, "1.0")
    (server.store / "sentiment.versions.json").write_text('{"versions": ["1.0", "2.0"]}')
    assert default_after_restart(server) == "1.0"
    assert settle_history(server.store, "sentiment", "1.0") == ["1.0"]


@pytest.mark.parametrize("content", ["", '{"versions": ["1', "[]", '{"versions": ["new"]}', '{"versions": 1}'])
def test_a_damaged_history_is_said_with_both_ways_out(made, tmp_path, content):
    server = begin(tmp_path, made, "1.0")
    (server.store / "sentiment.versions.json").write_text(content)
    with pytest.raises(ServingError, match=r'versions\.json cannot be read: .*remove it.*\{"versions": \["1\.0"'):
        archives_to_serve(server.store)


def test_of_two_deployments_at_once_the_second_is_told_of_the_first(tmp_path):
    with held(tmp_path), pytest.raises(ServingError, match="another deployment is under way"), held(tmp_path):
        pass
