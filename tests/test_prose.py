"""Docstrings and comments are plain technical English: no phrase of the ban list, no relative clause as a summary."""

import ast
import builtins
import io
import re
import tokenize

import pytest

from sentiment import errors
from sentiment.config.resources import PACKAGE
from tests.conftest import ROOT

BANNED = re.compile(r"\b(goes the way of|of its own|is to be had|mend(s|ed|ing)?|told|gone on|nobody)\b", re.IGNORECASE)
OPENERS = re.compile(r"(What|Which|How|Whether|Where|Of|As)\b")
FILES = sorted(
    [path for path in PACKAGE.rglob("*.py") if "_bundled" not in path.parts] + [*(ROOT / "handlers").glob("*.py")]
)
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        ROOT / "docs" / "openapi.yaml",
        *(ROOT / "conf").rglob("*.yaml"),
    ]
)
DEFINITIONS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def docstrings(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DEFINITIONS) and (found := ast.get_docstring(node)):
            yield found


def comments(text):
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_docstrings_and_comments_have_no_banned_phrase(path):
    text = path.read_text(encoding="utf-8")
    prose = [re.sub(r"`[^`]*`", "", part) for part in (*docstrings(text), *comments(text))]  # names of code stay
    assert [part for part in prose if BANNED.search(part)] == []
    assert [part.splitlines()[0] for part in docstrings(text) if OPENERS.match(part)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_users_read_has_no_banned_phrase(path):
    prose = re.sub(r"`[^`]*`", "", path.read_text(encoding="utf-8"))
    assert [line for line in prose.splitlines() if BANNED.search(line)] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_docstrings_raise_what_there_is(path):
    known = vars(errors).keys() | vars(builtins).keys()
    sections = [part for text in docstrings(path.read_text(encoding="utf-8")) for part in text.split("Raises:\n")[1:]]
    named = [name for part in sections for name in re.findall(r"^    (\w+): ", part.split("\n\n")[0], re.MULTILINE)]
    own = set(re.findall(r"^class (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    assert [name for name in named if name not in known | own] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_messages_name_a_value_for_each_key(path):
    """A fix that ends in key= leaves open what is to be given."""
    raised = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    messages = [ast.unparse(node.args[0]) for node in raised if ast.unparse(node.func).endswith("Error") and node.args]
    assert [message for message in messages if re.search(r"\w=['\"]$", message)] == []


@pytest.mark.parametrize(
    ("text", "found"), [("as it was told", True), ("mended here", True), ("recommend it", False), ("a token", False)]
)
def test_the_list_finds_words_and_not_parts_of_words(text, found):
    assert bool(BANNED.search(text)) is found
