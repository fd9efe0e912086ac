"""Pages with commands marked to run, word for word, each in a folder of its own that looks like a checkout."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.blocks import ALL, PAGES, Block

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(1800)]

MARKED = [page for page in PAGES if any(block.page == page and block.mark == "run" for block in ALL)]
SECONDS = 900  # for one block


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


@pytest.mark.parametrize("page", MARKED, ids=lambda page: page.stem)
def test_a_page_can_be_typed_from_top_to_bottom(page, tmp_path):
    for name in ("train.py", "data"):
        (tmp_path / name).symlink_to(ROOT / name)
    with ExitStack() as background:
        for block in (block for block in ALL if block.page == page and block.mark == "run"):
            if block.until:
                background.enter_context(left_running(block, tmp_path))
            else:
                typed(block, tmp_path)
