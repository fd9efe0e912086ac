"""Paths of the bundled conf/, handlers/, data/demo/ and data/behaviour/, in a checkout or an installed wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ROOTS = (PACKAGE / "_bundled", PACKAGE.parents[1])  # a wheel contains _bundled; in a checkout conf/ is next to src/


def bundled(name: str) -> Path:
    """Locate a bundled file or folder, such as "data/demo". Raises FileNotFoundError if the installation lacks it."""
    for root in ROOTS:
        if (root / name).exists():
            return root / name
    raise FileNotFoundError(f"{name} is missing from the installation at {PACKAGE}; reinstall bert-sentiment")
