"""Names of the commands, in the order of the help, and the keys of their positional arguments."""

from collections.abc import Sequence
from functools import cache

from sentiment.config.resources import bundled

LISTED = (  # the order of the help
    *(
        "demo",
        "preprocess",
        "train",
        "evaluate",
        "review",
        "sweep-report",
        "export",
        "package",
        "serve",
        "ready",
        "models",
    ),
    *("deploy", "rollback", "predict", "verify", "monitor", "ui"),
)
FIRST = {"sweep-report": "folder", "verify": "output"}  # config key of a positional first argument, by command


@cache
def commands() -> dict[str, str]:
    """Read the commands from conf/: each YAML whose first line is "# sentiment NAME: what it does".

    Those in LISTED come in that order, the others after them.
    """
    found = {}
    for path in sorted(bundled("conf").glob("*.yaml")):
        with path.open(encoding="utf-8") as file:
            start, _, text = file.readline().partition(": ")
        if start == f"# sentiment {path.stem}":
            found[path.stem] = text.strip()
    return {name: found[name] for name in sorted(found, key=lambda name: (*LISTED, name).index(name))}


def name_positional(command: str, overrides: Sequence[str]) -> list[str]:
    """Convert a positional first argument to an override: `sweep-report FOLDER` to `sweep-report folder=FOLDER`."""
    first, *others = [*overrides, ""]
    if command not in FIRST or not first or first.startswith("-") or "=" in first:
        return list(overrides)
    quoted = first.replace("'", r"\'")
    return [f"{FIRST[command]}='{quoted}'", *others[:-1]]
