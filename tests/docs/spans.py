"""The inline code of README and docs, and what it may quote: messages, keys, files, names and variables of the code."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from sentiment.config.resources import bundled
from tests.conftest import ROOT
from tests.docs.blocks import PAGES

CONF = bundled("conf")
OPENAPI = ROOT / "docs" / "openapi.yaml"
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SPAN = re.compile(r"(?<!`)(`+)(?!`)((?:(?!\n\n).)+?)(?<!`)\1(?!`)", re.DOTALL)
WORD = re.compile(r"\(?[A-Za-z][a-z-]*(?:'s)?[,;:.?)]*|[A-Z]+[,;:.]?")  # of a message; anything else is a value in it


def prose(page: Path) -> str:
    """Return a page without its fenced blocks; of the REST API, the description in the document."""
    text = page.read_text(encoding="utf-8")
    return FENCE.sub("", yaml.safe_load(text)["info"]["description"] if page == OPENAPI else text)


def spans(page: Path) -> list[str]:
    return [" ".join(found[2].split()) for found in SPAN.finditer(prose(page))]


def printed(page: Path) -> list[str]:
    """Return the lines of a page's blocks of output, without the commands in them."""
    blocks = [body for kind, body in FENCE.findall(page.read_text(encoding="utf-8")) if kind in ("text", "console", "")]
    return [line for block in blocks for line in block.splitlines() if not line.startswith("$ ")]


def phrases(message: str) -> list[str]:
    """Split a message at the values in it (numbers, names, paths, `...`); return the runs of plain words."""
    runs: list[list[str]] = [[]]
    for word in message.split():
        if WORD.fullmatch(word):
            runs[-1].append(word)
        else:
            runs.append([])
    return [" ".join(run).strip(",;:.?()") for run in runs if run]


def is_message(span: str) -> bool:
    """Whether inline code quotes a message: three plain words in a row, which are no list of names."""
    return any(len(phrase.split()) > 2 and phrase.count(", ") < len(phrase.split()) - 1 for phrase in phrases(span))


@cache
def templates() -> tuple[str, ...]:
    """Return every string of the source, adjacent parts joined, each value of an f-string as a line end."""
    files = [path for folder in ("src", "handlers") for path in (ROOT / folder).rglob("*.py")]
    return tuple(text for path in files for text in strings(ast.parse(path.read_text(encoding="utf-8"))))


@cache
def texts_of_the_code() -> str:
    return "\n".join(templates())


def stale_phrases(message: str) -> list[str]:
    """Return the phrases of a message that the code does not have; none if one of its strings makes a third of it."""
    missing = [phrase for phrase in phrases(message) if " " in phrase and not is_in_the_code(phrase)]
    if missing and any(makes(template, message) for template in templates() if "\n" in template):
        return []
    return missing


def is_in_the_code(phrase: str) -> bool:
    """Whether a string of the code has the phrase, or two words at its start or end up to a value."""
    code, words = texts_of_the_code(), phrase.split()
    return phrase in code or any(
        " ".join(words[:cut]) + " \n" in code or "\n " + " ".join(words[-cut:]) in code for cut in range(2, len(words))
    )


def makes(template: str, message: str) -> bool:
    literal = template.replace("\n", "")
    if not len(message) / 3 < len(literal) < len(message) or " " not in literal:
        return False
    return re.search(".+".join(re.escape(part) for part in template.split("\n")), message) is not None


def strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\n" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@cache
def keys() -> frozenset[str]:
    """Return every key of conf/ under its full name, and the names of the groups."""
    found: set[str] = set()
    for path in CONF.rglob("*.yaml"):
        text = path.read_text(encoding="utf-8")
        group = "/".join(path.relative_to(CONF).parts[:-1])
        package = re.search(r"^# @package (\S+)", text, re.MULTILINE)
        prefix = group.replace("/", ".") if package is None else package[1].replace("_global_", "")
        found |= {group, *names(yaml.safe_load(text) or {}, prefix)}
    return frozenset(found)


def names(node: dict[str, Any], prefix: str) -> Iterator[str]:
    for key, value in node.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        yield name
        if isinstance(value, dict):
            yield from names(value, name)


SPANS = [(page, span) for page in (*PAGES, OPENAPI) for span in spans(page)]
