"""Pages with commands marked to run, word for word, each in a folder of its own that looks like a checkout."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.blocks import ALL, PAGES, Block

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(3600)]

MARKED = [page for page in PAGES if any(block.page == page and block.mark == "run" for block in ALL)]
SECONDS = 3000  # for one block, training included; three minutes on two cores of its own
MARK = "=== "  # before the output of a command


def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"} | {"PATH": path}


@contextmanager
def left_running(block: Block, folder: Path) -> Iterator[None]:
    """The block in the background once it has printed its words; Ctrl-C at the end."""
    log = folder / f"block-{block.line}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-ec", f"exec {block.text.strip()}"], cwd=folder, env=environment(), stdout=output,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + SECONDS
            while block.until not in log.read_text(encoding="utf-8"):
                assert process.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
                time.sleep(0.2)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def typed(block: Block, folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", block.text], cwd=folder, env=environment(), capture_output=True, text=True,
        timeout=SECONDS, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"


def answered(block: Block, folder: Path) -> None:
    """Type a block of `console` in one shell: each command prints the lines that stand below it, numbers aside."""
    script = "\n".join(f"echo {shlex.quote(MARK + line)}\n{line}" for line in block.typed)
    script = f"exec 2>&1\n{script}\njobs -p | xargs --no-run-if-empty kill; wait"
    with subprocess.Popen(
        ["bash", "-ec", script],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, output
    printed = output.split(MARK)[1:]
    for shown, real in zip(re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:], printed, strict=True):
        lines = iter(masked(real))
        assert [line for line in masked(shown)[1:] if line != "..." and line not in lines] == [], real


def masked(text: str) -> list[str]:
    return [re.sub(r"\d[\d.,]*", "N", line).strip() for line in text.splitlines()]


@pytest.mark.parametrize("page", MARKED, ids=lambda page: page.stem)
def test_a_page_can_be_typed_from_top_to_bottom(page, tmp_path):
    for name in ("train.py", "data"):
        (tmp_path / name).symlink_to(ROOT / name)
    with ExitStack() as background:
        for block in (block for block in ALL if block.page == page and block.mark == "run"):
            if block.text.startswith("$ "):
                answered(block, tmp_path)
            elif block.until:
                background.enter_context(left_running(block, tmp_path))
            else:
                typed(block, tmp_path)
