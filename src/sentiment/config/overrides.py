"""Overrides of the command line before Hydra reads them: `~` in paths, null for a group, and how to quote."""

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from sentiment.config.signatures import nearest
from sentiment.errors import ConfigError

PLAIN = re.compile(r"[\w/.+:%@?|*-]+", re.ASCII)  # what Hydra takes for a text without quotes, if no number or null
SWEEP = ("-m", "--multirun")
FLAGS = (
    *SWEEP,
    *("-h", "--help", "--hydra-help", "--version", "-c", "--cfg", "--resolve", "-p", "--package", "-i", "--info"),
    *(
        "-r",
        "--run",
        "-cp",
        "--config-path",
        "-cn",
        "--config-name",
        "-cd",
        "--config-dir",
        "-sc",
        "--shell-completion",
    ),
)
OPTIONAL = ("logger", "callbacks")  # config groups of which there may be none
NAMES = ("run_name",)  # keys whose values are texts, though they may look like numbers
HOME = re.compile(r"""(?<![^=\[,])(\s*)(["']?)~(?=[/"',\]]|$)""")  # at the start of a value or of a list's element


def read(arguments: Sequence[str], groups: Mapping[str, str | None]) -> list[str]:
    """Prepare the words after a command for Hydra: `~` expanded, names as they were typed, GROUP=null left out.

    Args:
        arguments: overrides and flags.
        groups: the config groups of the command, with their defaults.

    Raises:
        ConfigError: for an override that Hydra cannot read, with the quoted form of it.
    """
    flags = [word for word in arguments if word.startswith("-") and not re.fullmatch(r"-\d.*", word)]
    for flag in flags:
        if flag.partition("=")[0] not in FLAGS:
            raise ConfigError(f"unknown flag {flag}{nearest(flag, FLAGS)}; settings are given as key=value")
    sweep = [word for word in flags if word in SWEEP]  # Hydra wants it before the overrides
    prepared = (word if word.startswith("-") else prepare(word, groups) for word in arguments if word not in sweep)
    return [*sweep[:1], *(word for word in prepared if word)]


def prepare(word: str, groups: Mapping[str, str | None]) -> str:
    key, equals, value = word.partition("=")
    if not equals:
        return word
    if value == "null" and key in groups:
        if groups[key] and key not in OPTIONAL:
            raise ConfigError(f"{key}=null: {key} is required; choose one of its options, as in {key}={groups[key]}")
        return f"~{key}" if groups[key] else ""
    value = expanded(value)
    parsed = parse(key, value)
    if key in NAMES and isinstance(parsed, int | float):
        return f"{key}={quoted(value)}"
    return f"{key}={quoted(value) if isinstance(parsed, Unreadable) else value}"


@dataclass(frozen=True)
class Unreadable:
    """A value that Hydra's grammar takes in quotes alone, for its letters."""


def parse(key: str, value: str) -> Any:
    """What Hydra reads; ConfigError where it cannot, unless it is for letters that are not ASCII."""
    parser = OverridesParser.create()
    try:
        return parser.parse_override(f"{key}={value}").value()
    except HydraException as error:
        ascii_letters = re.sub(r"[^\W\x00-\x7f]", "x", value)
        with suppress(HydraException):
            if ascii_letters != value and isinstance(parser.parse_override(f"{key}={ascii_letters}").value(), str):
                return Unreadable()
        raise ConfigError(
            f"{key}={value}: Hydra cannot read this value; where it is a text, quote it: {for_shell(key, value)}"
        ) from error


def expanded(value: str) -> str:
    """`~/x.csv` as a path below the user's folder, in quotes where it needs them; also in a list."""
    home = os.path.expanduser("~")
    if value.startswith("~") and (value == "~" or value[1] == "/"):
        return quoted(home + value[1:])
    return HOME.sub(lambda found: f"{found[1]}{found[2]}{home}", "=" + value)[1:]


def quoted(text: str) -> str:
    """A text as Hydra reads it back: in quotes where it needs them."""
    if PLAIN.fullmatch(text) and not re.fullmatch(r"(?i)null|true|false|nan|inf|[-+.\d_e]+", text):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def for_shell(key: str, text: str) -> str:
    """KEY=TEXT as one word to type, quoted for Hydra and for the shell."""
    return shlex.quote(f"{key}={quoted(text)}")


def twice(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Keys that are given more than once, each with the last value, which is the one that counts."""
    given: dict[str, list[str]] = {}
    for argument in arguments:
        key, equals, value = argument.lstrip("+").partition("=")
        if equals and not key.startswith(("-", "~")):
            given.setdefault(key, []).append(value)
    return [(key, values[-1]) for key, values in given.items() if len(set(values)) > 1]


def text(arguments: Sequence[str], key: str) -> str | None:
    """The last value that KEY is given, as Hydra reads it; None where it is not given or null."""
    found = [argument for argument in arguments if argument.startswith(f"{key}=")]
    if not found:
        return None
    value = OverridesParser.create().parse_override(found[-1]).value()
    return None if value is None else str(value)
