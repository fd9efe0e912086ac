"""Where conf/, handlers/ and data/demo/ lie: in the repository, or inside the installed wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
ROOTS = (
    PACKAGE / "_bundled",
    PACKAGE.parents[1],
)  # a wheel carries _bundled; a checkout has src/ beside conf/


def bundled(name: str) -> Path:
    """The file or folder `name` that ships with the project, e.g. "conf" or "data/demo"."""
    for root in ROOTS:
        if (root / name).exists():
            return root / name
    raise FileNotFoundError(f"{name} is missing from the installation at {PACKAGE}; reinstall bert-sentiment")
