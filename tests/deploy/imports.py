"""Which packages the modules of src/sentiment import, when they are loaded and later."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from tests.conftest import ROOT

SOURCE = ROOT / "src"
MODULES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in SOURCE.rglob("*.py")
    if "_bundled" not in path.parts
}
OURS = {"sentiment", "hydra_plugins", "sentiment_handler", "tests", "benchmarks"}
ABSENT = {"mlflow": ["mlflow-skinny"], "pyspark": ["pyspark"], "wandb": ["wandb"]}  # not installed for make test
DISTRIBUTIONS = packages_distributions() | ABSENT


def statements(node: ast.AST, *, late: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports of a syntax tree, those inside functions with `late` alone; none for type checking."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not late:
            continue
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        yield from statements(child, late=late)


@cache
def imported(path: Path, *, late: bool = False) -> frozenset[str]:
    """Return the dotted names that a file imports."""
    found = set()
    for statement in statements(ast.parse(path.read_text(encoding="utf-8")), late=late):
        if isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
        elif statement.module and not statement.level:
            names = {f"{statement.module}.{alias.name}" for alias in statement.names}
            found |= names & set(MODULES) or {statement.module}
    return frozenset(found)


def outside(names: Iterator[str] | frozenset[str] | set[str]) -> set[str]:
    """Return the top packages that are neither ours nor Python's."""
    return {name.split(".")[0] for name in names} - OURS - set(sys.stdlib_module_names)


def loaded(module: str) -> set[str]:
    """Return the packages that importing one of our modules imports, over all of ours that it imports."""
    seen, todo = set(), [module]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            parents = {name.rsplit(".", cut)[0] for cut in range(1, name.count(".") + 1)}
            todo += parents & set(MODULES)
            todo += imported(MODULES[name]) if name in MODULES else []
    return outside(seen)


def distributions(packages: set[str]) -> set[str]:
    """Return the distributions that packages come from. Raises KeyError for one that is not installed."""
    return {canonicalize_name(name) for package in packages for name in DISTRIBUTIONS[package]}
