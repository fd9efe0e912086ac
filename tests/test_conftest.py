"""Tests of the client, of requests and of deployment start without torch, in a fraction of the time."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT

COLLECT = """
import sys, pytest
status = pytest.main(["-q", "--collect-only", "-p", "no:cacheprovider", sys.argv[1]])
print(status, *sorted({"torch", "transformers", "datasets", "gradio"} & set(sys.modules)))
"""


@pytest.mark.parametrize("folder", ["tests/client", "tests/protocol", "tests/deploy"])
def test_tests_that_need_no_model_are_collected_without_torch(folder):
    command = [sys.executable, "-c", COLLECT, folder]
    lines = subprocess.check_output(command, cwd=ROOT, text=True).splitlines()
    assert lines[-1] in ("0", "ExitCode.OK")
