"""A deploy in the middle of a batch job on a real server: the job stops instead of mixing two models."""

import pytest

from sentiment.batch import predict
from sentiment.batch.verify import verify
from sentiment.errors import DataError, ModelChangedError, VerificationError
from sentiment.serving.archive import package
from tests.conftest import read_csv, read_json, write_csv
from tests.e2e.deploying import changed
from tests.e2e.faults import ready

pytestmark = pytest.mark.e2e

ROWS = [(f"{'good' if i % 3 else 'bad'} film {i}",) for i in range(60)]


@pytest.fixture
def second(spare, tiny_run, tmp_path):
    """A second version beside the first: the same labels, another head."""
    ready(spare)
    run = changed(tiny_run, tmp_path / "second", 1.5)
    package(run=run, model_store=spare.store, version="2.0", file="sentiment-2")
    with spare.management() as management:
        management.register("sentiment-2.mar")
        yield run
        management.set_default("sentiment", "1.0")
        management.unregister("sentiment", "2.0")
    (spare.store / "sentiment-2.mar").unlink()


class Deploying:
    """Makes the second version the default before the third chunk."""

    def __init__(self, engine, management):
        self.engine, self.management, self.calls = engine, management, 0

    def identity(self):
        return self.engine.identity()

    def predict(self, texts):
        self.calls += 1
        if self.calls == 4:  # the canary was the first
            self.management.set_default("sentiment", "2.0")
        return self.engine.predict(texts)


@pytest.mark.slow
def test_a_deploy_in_the_middle_stops_the_job(spare, second, quick_run, tiny_local, tmp_path, caplog):
    source, output = write_csv(tmp_path / "in.csv", ROWS, header=("text",)), tmp_path / "out.csv"
    settings = {"input": source, "output": output, "chunk": 10, "quiet": True}
    with spare.client() as client, spare.management() as management:
        with pytest.raises(ModelChangedError, match=r"began with sentiment 1\.0 .*stopped after 20 rows of the first"):
            predict(engine=Deploying(client.pinned(), management), **settings)
        assert not output.exists()
        with pytest.raises(DataError, match=r"model\.version was 1\.0, is 2\.0; model\.export was"):
            predict(engine=client, **settings)
        management.set_default("sentiment", "1.0")
        predict(engine=client, **settings)
        expected = tiny_local.predict([text for (text,) in ROWS])
        assert [float(row["score"]) for row in read_csv(output)] == pytest.approx(
            [one.score for one in expected], abs=1e-5
        )
        summary = read_json(tmp_path / "out.csv.summary.json")
        assert (summary["rows_done_before"], summary["model"]["export"]) == (20, tiny_local.sha256)
        caplog.set_level("INFO")
        verify(output=output)  # asks the server that is recorded, with its key file
        verify(output=output, run=quick_run)
        assert caplog.text.count("60 rows scored again agree") == 2
        management.set_default("sentiment", "2.0")
        with pytest.raises(VerificationError, match="rows scored again differ"):
            verify(output=output)
        with pytest.raises(VerificationError):
            verify(output=output, run=second)
