"""Preparation of command-line overrides for Hydra: `~` expansion, GROUP=null and quoting; the check of run_name."""

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from sentiment.config.signatures import nearest
from sentiment.errors import ConfigError
from sentiment.shell import for_shell, quote

SWEEP = ("-m", "--multirun")
VERBOSE = ("-v", "--verbose")  # our debug lines, and the whole config of a training run
VALUED = {  # flags with a value, which is the next word or behind =, and the values of those that have few
    **dict.fromkeys(("-c", "--cfg"), ("job", "hydra", "all")),
    **dict.fromkeys(("-i", "--info"), ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")),
    **dict.fromkeys(("-p", "--package", "-cp", "--config-path", "-cn", "--config-name", "-cd", "--config-dir"), ()),
}
MODES = ("-c", "--cfg", "-i", "--info", *SWEEP, "-r", "--run", "-sc", "--shell-completion")  # one at a time
OF_CFG = ("--resolve", "-p", "--package")  # flags of --cfg
FLAGS = (*VALUED, *MODES, *VERBOSE, "-h", "--help", "--hydra-help", "--version", "--resolve")
OPTIONAL = ("logger", "callbacks", "loss")  # config groups that may be null
COMBINED = ("callbacks", "logger")  # config groups of which several options may be chosen
NAMES = ("run_name", "version", "default", "unregister")  # keys whose values stay as they are typed, numbers too
HOME = re.compile(r"""(?<![^=\[,])(\s*)(["']?)~(?=[/"',\]]|$)""")  # ~ at the start of a value or a list element


def read(arguments: Sequence[str], groups: Mapping[str, str | None]) -> list[str]:
    """Prepare the arguments after a command for Hydra.

    Expands `~`, quotes names and versions that look like numbers, turns GROUP=null into a deletion, and puts flags
    first.

    Raises:
        ConfigError: A flag is unknown, a required group is null, or Hydra cannot parse a value; the message shows
            the quoted form.
    """
    flags, words = part_flags(arguments)
    names = {flag: flag.partition("=")[0] for flag in flags}
    modes = [flag for flag, name in names.items() if name in MODES]
    if len(modes) > 1 and not {*modes} <= {*SWEEP}:
        raise ConfigError(f"{modes[0]} and {modes[1]} cannot be given together; leave one out")
    alone = next((flag for flag, name in names.items() if name in OF_CFG), None)
    if alone and not {"-c", "--cfg", "-h", "--help"} & {*names.values()}:
        raise ConfigError(f"{alone} does nothing without --cfg job; add it, or leave it out")
    sweep = [flag for flag in flags if flag in SWEEP][:1]
    others = [flag for flag in flags if flag not in (*SWEEP, *VERBOSE)]
    verbose = ["hydra.verbose=sentiment"] if {*VERBOSE} & {*flags} else []
    prepared = [prepare(word, groups) for word in words]
    return [*sweep, *others, *combine_groups([*verbose, *filter(None, prepared)], groups)]


def part_flags(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part flags, each joined to its value by =, from settings, which Hydra's parser takes in one place alone.

    Raises:
        ConfigError: A flag is unknown, lacks its value, or has another than those it may have.
    """
    flags, words = list[str](), list[str]()
    waiting = list(reversed(arguments))
    while waiting:
        word = waiting.pop()
        if not word.startswith("-") or re.fullmatch(r"-\d.*", word):
            words.append(word)
            continue
        flag, equals, value = word.partition("=")
        if flag not in FLAGS:
            raise ConfigError(f"unknown flag {word}{nearest(word, FLAGS)}; settings are given as key=value")
        if flag not in VALUED:
            flags.append(word)
            continue
        values = VALUED[flag]
        if not equals and flag in ("-i", "--info"):
            value = waiting.pop() if waiting and waiting[-1] in values else values[0]
        elif not equals:
            value = waiting.pop() if waiting else ""
        if not value or (values and value not in values):
            expected = f"one of {', '.join(values)}" if values else "a value"
            raise ConfigError(f"{flag}{f' {value}' * bool(value)}: expected {expected}")
        flags.append(f"{flag}={value}")
    return flags, words


def combine_groups(words: Sequence[str], groups: Mapping[str, str | None]) -> list[str]:
    """Turn +callbacks=ema into callbacks=[default,ema], with the options that callbacks= or the config names.

    The same for logger, whose options are always written as a list.

    Raises:
        ConfigError: The callbacks that every run needs are left out.
    """
    for group in COMBINED:
        if group in groups:
            words = combine(group, list(words), default=str(groups[group]))
    return list(words)


def combine(group: str, words: list[str], *, default: str) -> list[str]:
    chosen = [word for word in words if word.startswith(f"{group}=")]
    given = options(last := (chosen or [f"{group}={default}"])[-1])
    added = [name for word in words if word.startswith(f"+{group}=") for name in options(word)]
    if f"~{group}" in words and not chosen:
        given = []
    elif OverridesParser.create().parse_override(last).is_sweep_override():
        return words
    elif group == "callbacks" and default not in given:
        more = ",".join([default, *given])
        raise ConfigError(f"{last} leaves out {default}, which every run needs; give +{last}, or {group}=[{more}]")
    if not added and not (group == "logger" and chosen):
        return words
    others = [word for word in words if not word.lstrip("+~").startswith(f"{group}=") and word != f"~{group}"]
    return [*others, f"{group}=[{','.join(dict.fromkeys([*given, *added]))}]"]


def options(word: str) -> list[str]:
    """Return the options that an override of a config group chooses."""
    value = word.partition("=")[2].strip("[]")
    return [name.strip() for name in value.split(",")]


def prepare(word: str, groups: Mapping[str, str | None]) -> str:
    key, equals, value = word.partition("=")
    if not equals:
        return word
    if value == "null" and key in groups:
        if groups[key] and key not in OPTIONAL:
            raise ConfigError(f"{key}=null: {key} is required; choose one of its options, as in {key}={groups[key]}")
        return f"~{key}" if groups[key] else ""
    value = expand_home(value)
    parsed = parse(key, value)
    group = key.lstrip("+")
    names = parsed if isinstance(parsed, list) else [parsed]
    if group in groups and any(isinstance(name, bool | int | float | dict) for name in names):
        raise ConfigError(f"{group}={value}: expected the name of an option; --help lists them")
    if key in NAMES and isinstance(parsed, int | float):
        return f"{key}={quote(value)}"
    return f"{key}={quote(value) if isinstance(parsed, Unreadable) else value}"


@dataclass(frozen=True)
class Unreadable:
    """Marker for a value that Hydra's grammar accepts only in quotes because of its non-ASCII letters."""


def parse(key: str, value: str) -> Any:
    """Parse a value with Hydra's grammar.

    Returns:
        The parsed value, or `Unreadable` if only non-ASCII letters keep Hydra from reading it as a string.

    Raises:
        ConfigError: Hydra cannot parse the value.
    """
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


def expand_home(value: str) -> str:
    """Expand a leading `~` to the home directory, in a single value (quoted if necessary) or in list elements."""
    home = os.path.expanduser("~")
    if value.startswith("~") and (value == "~" or value[1] == "/"):
        return quote(home + value[1:])
    return HOME.sub(lambda found: f"{found[1]}{found[2]}{home}", "=" + value)[1:]


def twice(arguments: Sequence[str]) -> list[tuple[str, str]]:
    """Find keys given several times with different values; each is returned with its last value, which wins."""
    given: dict[str, list[str]] = {}
    for argument in arguments:
        key, equals, value = argument.lstrip("+").partition("=")
        if equals and not key.startswith(("-", "~")):
            given.setdefault(key, []).append(value)
    return [(key, values[-1]) for key, values in given.items() if len(set(values)) > 1]


def text(arguments: Sequence[str], key: str) -> str | None:
    """Return the last value given for `key` as Hydra parses it; None if it is absent or null."""
    found = [argument for argument in arguments if argument.startswith(f"{key}=")]
    if not found:
        return None
    value = OverridesParser.create().parse_override(found[-1]).value()
    return None if value is None else str(value)


def sweeps(arguments: Sequence[str], key: str) -> str | None:
    """Return the values of a key of which a sweep has several, as they were given; None for a key with one or none."""
    found = [argument for argument in arguments if argument.startswith(f"{key}=")]
    several = bool(found and {*SWEEP} & {*arguments}) and OverridesParser.create().parse_override(found[-1])
    return found[-1].partition("=")[2] if several and several.is_sweep_override() else None


def check_name(name: object) -> None:
    """Check that run_name is a valid relative path below the outputs folder.

    Raises:
        ConfigError: It is empty, too long, absolute, has ".." or unprintable characters.
    """
    text = str(name)
    if name is None or not text.strip():
        raise ConfigError("run_name is empty: give a name, or leave run_name out for one made of date and time")
    parts = text.split("/")
    if text.startswith(("/", "~", "-")) or any(part in ("", ".", "..") for part in parts) or "\\" in text:
        raise ConfigError(
            f"run_name={text}: the run's folder is paths.output_dir/run_name; give a plain name, and the place with "
            "paths.output_dir=FOLDER"
        )
    if len(text) > 200 or any(not character.isprintable() for character in text):
        raise ConfigError(f"run_name={text!r}: give at most 200 printable characters")
