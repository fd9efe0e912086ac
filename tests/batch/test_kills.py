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
from tests.conftest import ROOT
from tests.signals import at_step

OUTPUTS = {
    "out.csv": {"prefix": "m_"},
    "out.jsonl.gz": {},
    "out.parquet": {},
    "out/": {},
    "out.xlsx": {"prefix": "m_", "spreadsheet_safe": "1"},
}
AT_THE_END = [
    (r"os\.rename .*/joined ", 1),  # all parts are there, the output is not
    (r"os\.rename .*summary\.json$", 1),
    (r"os\.remove .*/part-", 50),  # a third of them is removed
]
IN_A_FOLDER = [
    (r"os\.rename .*/part-000007\d\.json$", 11),  # the types of these ten are those of all parts from then on
    (r"os\.rename .*/_manifest\.json$", 1),
    (r"os\.remove .*/part-", 50),
]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """400 rows in two files, with all that a format may stumble on."""
    folder = tmp_path_factory.mktemp("rows")
    odd = [{"n": 2**70}, {"n": "=1"}, {"n": None}, {"n": float("nan")}, {"n": {}}, {"n": "\ud83d"}, {"n": "a\rb"}]
    lines = [
        {"text": f"text {i}" if i % 50 else " ", "id": i, "w": i + 0.5 if i < 300 else i, **odd[i % len(odd)]}
        for i in range(400)
    ]
    for name, some in {"a.jsonl": lines[:133], "b.jsonl": lines[133:]}.items():
        (folder / name).write_text("".join(json.dumps(line) + "\n" for line in some), encoding="utf-8")
    return folder / "*.jsonl"


QUICK = ("out.csv",)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in OUTPUTS]
)
def test_a_job_killed_again_and_again_gives_the_bytes_of_an_unbroken_one(rows, tmp_path, name):
    """Each start dies at a step that is counted, not timed: of 80 parts, every start has more than 300 steps."""
    settings, random_ = OUTPUTS[name], random.Random(name)
    command = [sys.executable, "-m", "tests.batch.echo", str(rows), f"{tmp_path}/{name}"]
    command += [f"{key}={value}" for key, value in settings.items()]
    ends = IN_A_FOLDER if name == "out/" else AT_THE_END
    for step, nth in [*((re.escape(str(tmp_path)), random_.randint(1, 300)) for _ in range(2)), *ends]:
        killed = subprocess.run(command, cwd=ROOT, env=at_step(signal.SIGKILL, step, nth))
        assert killed.returncode == -signal.SIGKILL, (step, nth)
    assert subprocess.run(command, cwd=ROOT).returncode == 3
    with pytest.raises(RowsRejectedError, match="8 of 400"):
        predict(input=rows, output=f"{tmp_path}/whole_{name}", engine=Echo(), chunk=5, quiet=True, **settings)
    ours, whole = (files_of(tmp_path, file) for file in (name, f"whole_{name}"))
    assert ours == whole


def files_of(folder, name):
    """Return the bytes of all files of an output by the end of their names, of the summary what is not of the time."""
    paths = (folder / name).iterdir() if name.endswith("/") else folder.glob(f"{name}*")
    found = {path.name.removeprefix(name): path.read_bytes() for path in paths}
    summary = json.loads(found.pop("_manifest.json" if name.endswith("/") else ".summary.json"))
    timely = ("output", "rows_done_before", "started", "finished", "seconds", "rows_per_second")
    return found, {key: value for key, value in summary.items() if key not in timely}
