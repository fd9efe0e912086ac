"""Commands that messages name: a user can copy them into a shell, whatever the names of files are."""

import re
import shlex
from pathlib import Path

PLAIN = re.compile(r"[\w/.+:%@?|*-]+", re.ASCII)  # needs no quotes in Hydra's grammar, unless a number or a keyword

ACTIVE = set('"$`\\!')  # mean something to a shell between double quotes


def quote(text: str) -> str:
    """Quote a string for Hydra, if its grammar would not read it back unchanged."""
    if PLAIN.fullmatch(text) and not re.fullmatch(r"(?i)null|true|false|nan|inf|[-+.\d_e]+", text):
        return text
    escaped = re.sub(r"(\\*)('|\Z)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), text)
    return f"'{escaped}'"  # Hydra reads a backslash as itself, unless only backslashes are between it and a quote


def written(value: object) -> str:
    """Return a value of a config as the command line writes it."""
    if isinstance(value, list | tuple):
        return f"[{','.join(map(written, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {written(one)}' for key, one in value.items())}}}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def for_shell(key: str, value: object) -> str:
    """Format KEY=VALUE as one shell word, quoted for Hydra and for the shell."""
    word = f"{key}={quote(str(value))}"
    return f'"{word}"' if "'" in word and not set(word) & ACTIVE else shlex.quote(word)


def as_typed(path: Path) -> Path:
    """Return a path as one would type it: relative if it lies below the working folder, else absolute."""
    whole = path.absolute()
    return whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole
