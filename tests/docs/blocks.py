"""The command blocks of README and docs, each with the mark that stands before it.

A block of `bash` holds commands alone; in one of `console` they begin with `$`, with what they print below them.
No mark: every line is a command of ours, and it is composed. `<!-- run -->`: run word for word, page by page, in one
folder. `<!-- run until "words" -->`: the same, going on once the words are printed. `<!-- not run: reason -->`.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "pages").rglob("*.md"))]
BLOCK = re.compile(
    r"(?:<!-- ((?:not )?run)(?: until \"([^\"]+)\")?(?:: ([^>]+))? -->\n)?```(?:bash|console)\n(.*?)```", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    page: Path
    line: int
    text: str
    mark: str = ""  # run, not run, or none
    until: str = ""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def typed(self) -> list[str]:
        """The lines to type."""
        lines = self.text.replace("\\\n", " ").splitlines()
        if any(line.startswith("$ ") for line in lines):
            return [line[2:] for line in lines if line.startswith("$ ")]
        return lines

    @property
    def commands(self) -> list[list[str]]:
        """The words of each command, comments left out; of a pipe its last part."""
        words = [shlex.split(line, comments=True) for line in self.typed]
        return [line[-line[::-1].index("|") :] if "|" in line else line for line in words if line]


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        mark, until, reason, body = (part or "" for part in found.groups())
        yield Block(page, text.count("\n", 0, found.start(4)), body, mark, until, reason.strip())


ALL = [block for page in PAGES for block in blocks(page)]
