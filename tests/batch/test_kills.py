"""A job under SIGKILL at any step: started again, it gives the bytes of an unbroken one."""

import json
import random
import re
import signal
import subprocess
import sys

import pytest

from sentiment.batch import predict
from sentiment.errors import RowsRejectedError
from tests.batch.echo import Echo
from tests.conftest import ROOT, read_json
from tests.signals import at_step

OUTPUTS = {
    "out.csv": {"prefix": "m_"},
    "out.jsonl.gz": {},
    "out.parquet": {},
    "out.xlsx": {"prefix": "m_", "spreadsheet_safe": "1"},
}
AT_THE_END = [
    (r"os\.rename .*/joined ", 1),  # all parts are there, the output is not
    (r"os\.rename .*summary\.json$", 1),
    (r"os\.remove .*/part-", 50),  # a third of them is removed
]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """400 rows in two files, with all that a format may stumble on."""
    folder = tmp_path_factory.mktemp("rows")
    odd = [{"n": 2**70}, {"n": "=1"}, {"n": None}, {"n": float("nan")}, {"n": {}}, {"n": "\ud83d"}, {"n": "a\rb"}]
    lines = [{"text": f"text {i}" if i % 50 else " ", "id": i, **odd[i % len(odd)]} for i in range(400)]
    for name, some in {"a.jsonl": lines[:133], "b.jsonl": lines[133:]}.items():
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in some), encoding="utf-8")
    return folder / "*.jsonl"


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_job_killed_again_and_again_gives_the_bytes_of_an_unbroken_one(rows, tmp_path, name):
    """Each start dies at a step that is counted, not timed: of 80 parts, every start has more than 300 steps."""
    settings, random_ = OUTPUTS[name], random.Random(name)
    command = [sys.executable, "-m", "tests.batch.echo", str(rows), str(tmp_path / name)]
    command += [f"{key}={value}" for key, value in settings.items()]
    for step, nth in [*((re.escape(str(tmp_path)), random_.randint(1, 300)) for _ in range(2)), *AT_THE_END]:
        killed = subprocess.run(command, cwd=ROOT, env=at_step(signal.SIGKILL, step, nth))
        assert killed.returncode == -signal.SIGKILL, (step, nth)
    assert subprocess.run(command, cwd=ROOT).returncode == 3
    with pytest.raises(RowsRejectedError, match="8 of 400"):
        predict(input=rows, output=tmp_path / f"whole_{name}", engine=Echo(), chunk=5, quiet=True, **settings)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole_{name}").read_bytes()
    ours, whole = (read_json(tmp_path / f"{file}.summary.json") for file in (name, f"whole_{name}"))
    timely = ("output", "rows_done_before", "started", "finished", "seconds", "rows_per_second")
    assert [{key: value for key, value in made.items() if key not in timely} for made in (ours, whole)][0] == {
        key: value for key, value in whole.items() if key not in timely
    }
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("whole")) == [
        name, f"{name}.rejects.csv", f"{name}.summary.json",
    ]  # fmt: skip
