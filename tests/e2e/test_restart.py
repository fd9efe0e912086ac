"""A server that restarts under a batch job: the job outlives it, or stops and goes on; its output is the same."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from sentiment.batch import predict
from sentiment.client import read_key
from sentiment.errors import ClientError
from tests.conftest import read_csv, read_json, write_csv
from tests.e2e.faults import ready, wait_for

pytestmark = pytest.mark.e2e

PATIENT = (1.0,) * 120  # s
ROWS = [(f"{'good' if i % 3 else 'bad'} film {i}", str(i)) for i in range(1600)]


@pytest.mark.slow
def test_a_restart_in_the_middle_of_a_job_loses_no_row(spare, tiny_local, tmp_path):
    """Two jobs at once: one waits for the new server, one gives up and is started again."""
    ready(spare)
    source = write_csv(tmp_path / "in.csv", ROWS, header=("text", "id"))
    key = read_key(spare.key_file, "inference")

    def job(name, pauses):
        with spare.client(pauses=pauses) as engine:
            return predict(input=source, output=tmp_path / name, engine=engine, chunk=8, quiet=True)

    with ThreadPoolExecutor(2) as pool:
        jobs = {name: pool.submit(job, name, pauses) for name, pauses in (("a.csv", PATIENT), ("b.csv", (0.1,)))}
        for name in jobs:
            wait_for((tmp_path / f"{name}.parts" / "part-0000002.json").exists)
        spare.stop()
        with pytest.raises(ClientError, match=r"; stopped after \d+ rows, kept in .*b.csv.parts"):
            jobs["b.csv"].result(60)
        spare.start()
        assert read_key(spare.key_file, "inference") != key
        jobs["a.csv"].result(120)
    job("b.csv", ())
    expected = tiny_local.predict([text for text, _ in ROWS])
    for name in jobs:
        rows = read_csv(tmp_path / name)
        assert [(row["text"], row["id"]) for row in rows] == ROWS
        assert [row["prediction"] for row in rows] == [one.label for one in expected]
    assert 0 < read_json(tmp_path / "b.csv.summary.json")["rows_done_before"] < len(ROWS)
