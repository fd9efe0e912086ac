"""The management client against a server that answers as TorchServe does, or not at all."""

import pytest

from sentiment.client import Management
from sentiment.errors import BusyError, NotFoundError, RejectedError
from tests.client.conftest import HANG_UP


@pytest.fixture
def management(server):
    with Management(url=server.url, pauses=(0.0, 0.0)) as made:
        yield made


def described(version, *states):
    workers = [{"status": state} for state in states]
    return {
        "modelName": "m", "modelVersion": version, "modelUrl": f"m-{version}.mar", "batchSize": 8, "workers": workers,
    }  # fmt: skip


def test_versions_are_sorted_as_torchserve_counts_them(server, management):
    server.script += [(200, [described("1.9")]), (200, [described("10"), described("1.9", "READY"), described("1.10")])]
    found = management.versions("m")
    assert [one.version for one in found] == ["1.10", "1.9", "10"]
    assert [one.default for one in found] == [False, True, False]
    assert [one.ready for one in found] == [False, True, False]


def test_a_question_is_asked_again_and_a_change_is_not(server, management):
    server.script += [HANG_UP, (503, ""), (200, {"models": []})]
    assert management.models() == []
    server.script += [(503, {"message": "busy"}), (200, {"status": "done"})]
    with pytest.raises(BusyError):
        management.unregister("m", "1.0")
    assert [path for path, _, _ in server.seen].count("/models/m/1.0") == 1


def test_a_model_that_is_not_there_is_not_found(server, management):
    server.script += [(404, {"code": 404, "type": "ModelNotFoundException", "message": "Model not found: m"})]
    with pytest.raises(NotFoundError, match="Model not found: m"):
        management.version("m")


def test_the_default_version_is_not_unregistered(server, management):
    server.script += [(403, {"code": 403, "type": "InvalidModelVersionException", "message": "Cannot remove default"})]
    with pytest.raises(RejectedError, match="Cannot remove default"):
        management.unregister("m", "1.0")
