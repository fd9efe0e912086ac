"""A module imports only from its own folder and from floors below, as the table of the architecture page has them."""

import ast
import re

import pytest

from sentiment.config.resources import PACKAGE
from tests.conftest import ROOT

PAGE = ROOT / "docs" / "pages" / "explanation" / "architecture.md"
TABLE = re.compile(r"^\| (\d+) \| ((?:`[\w./]+`(?:, )?)+) \|", re.MULTILINE)
FLOOR = {
    name.strip("`/").removesuffix(".py"): int(number)
    for number, names in TABLE.findall(PAGE.read_text(encoding="utf-8"))
    for name in names.split(", ")
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "_bundled" not in path.parts)


def place(path):
    """Return the folder of src/sentiment that a file lies in, or its own name at the top."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """Yield the folders and top modules of ours that a file imports, those for type checking too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "sentiment":
            inner = node.module.split(".")[1:]
            yield from [inner[0]] if inner else [alias.name for alias in node.names]
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("sentiment."))


def test_the_page_has_a_floor_for_every_folder_and_module():
    there = {place(path) for path in MODULES} - {"__init__"}
    assert set(FLOOR) == there


def test_tests_mirror_the_folders():
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= {path.parent.name for path in (ROOT / "tests").glob("*/__init__.py")}


def test_at_the_top_there_are_ten_modules_at_most():
    assert len(list(PACKAGE.glob("*.py"))) <= 10


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    own = place(path)
    for name in imported(path):
        if own not in ("__init__", name):
            assert FLOOR[name] < FLOOR[own], f"{own} (floor {FLOOR[own]}) imports {name} (floor {FLOOR[name]})"


def test_no_module_imports_itself_over_others():
    """No circle of modules, imports for type checking counted."""
    names = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES
    }
    imports = {name: set(edges(path, names)) - {name} for name, path in names.items()}
    while leaves := {name for name, targets in imports.items() if not targets}:
        imports = {name: targets - leaves for name, targets in imports.items() if name not in leaves}
    assert not imports, f"a circle among {sorted(imports)}"


def edges(path, names):
    """Yield the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("sentiment"):
            module = node.module.removeprefix("sentiment").lstrip(".")
            for alias in node.names:
                inner = f"{module}.{alias.name}".lstrip(".")
                yield inner if inner in names else module
