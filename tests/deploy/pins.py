"""Requirements, pins and locks as values, and what of them is installed here."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
EXTRAS = PROJECT["optional-dependencies"]
GROUPS = PYPROJECT["dependency-groups"]


def declared(*extras: str) -> list[str]:
    """Return the requirements of these extras, those of the extras that they name included."""
    found = []
    for line in (line for extra in extras for line in EXTRAS[extra]):
        wanted = Requirement(line)
        found += declared(*sorted(wanted.extras)) if wanted.name == PROJECT["name"] else [line]
    return list(dict.fromkeys(found))


def names(lines: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in lines}


@dataclass(frozen=True)
class Pin:
    """An entry of constraints.txt or of a lock: `via` names who asks for it, `hashes` what may be installed."""

    version: str
    marker: Marker | None
    via: frozenset[str]
    hashes: frozenset[str]


def pins(path: Path) -> dict[str, Pin]:
    """Return the entries of constraints.txt or of a lock by their canonical names."""
    text = re.sub(r"\\\n\s+", " ", path.read_text())
    text = re.sub(r"\n\s+# via", "  # via", text)
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            entry, _, comment = line.partition("  # via ")
            wanted = Requirement(re.sub(r"\s*--hash=\S+", "", entry).strip())
            [version] = wanted.specifier
            assert version.operator == "==", line
            via = frozenset(canonicalize_name(name) for name in re.sub(r"\s*\([^)]*\)", "", comment).split(", "))
            hashes = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
            found[canonicalize_name(wanted.name)] = Pin(version.version, wanted.marker, via, hashes)
    return found


def closure(requirements: Iterable[str]) -> set[str]:
    """Return the installed distributions that pip installs for these, of those whose markers hold here."""
    found, todo = set(), [(line, "") for line in requirements]
    while todo:
        line, extra = todo.pop()
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        for asked in ("", *wanted.extras):
            if (canonicalize_name(wanted.name), asked) not in found:
                found.add((canonicalize_name(wanted.name), asked))
                todo += [(inner, asked) for inner in distribution(wanted.name).requires or []]
    return {name for name, _ in found}


def asked_by(name: str) -> set[str] | None:
    """Return the names that an installed distribution asks for on any platform, or None where it is not installed."""
    try:
        return {canonicalize_name(Requirement(line).name) for line in distribution(name).requires or []}
    except PackageNotFoundError:
        return None
