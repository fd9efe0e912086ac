"""Validation of a config node against the signature of its `_target_`."""

import difflib
import inspect
import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf
from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from sentiment.config import extras
from sentiment.config.bounds import limits_of
from sentiment.config.options import option_of
from sentiment.errors import ConfigError
from sentiment.shell import for_shell, written

SPECIAL = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}
REASONS = {
    "string_sub_type": "text",
    "path_type": "a path",
    "sequence_str": "a list, such as [a,b]",
    "Input should be an instance of Sequence": "a list, such as [a,b]",
    "missing": "more values",
    "callable_type": "a class or function, as {_target_: module.Name, _partial_: true}",
}  # plain wording for pydantic's error types and messages
NEAR, ALIKE = 0.6, 0.8  # similarity from which a key is suggested for one of the same parent, of another
SHORTEST = 4  # letters of a key that is suggested, or found, as a part of another
BOUNDS = ("less than", "greater than")
NUMBERS = {bool: "true or false", int: "a whole number", float: "a number"}


def check_node(path: str, node: DictConfig) -> None:
    """Check the keys and values of a node against the signature, type hints and bounds of its `_target_`.

    Raises:
        ConfigError: The target does not exist, or takes no such key or value.
        MissingPackageError: The target needs an extra that is not installed.
    """
    target = find(path, node["_target_"])
    try:
        parameters = inspect.signature(target).parameters
    except ValueError:  # built-in functions have none
        return
    hints = type_hints(target) | limits_of(target)
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    for key in (str(key) for key in node if key not in SPECIAL):
        name = f"{path}.{key}" if path else key
        if key not in parameters and not takes_any:
            near = option_of(name) or suggestion(key, parameters)
            raise ConfigError(f"unknown key {name}: {node['_target_']} takes no {key!r}{near}")
        value = node[key]
        if key in hints and not any(nodes(value)):  # nested nodes are instantiated later
            plain = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
            check_value(name, with_text_keys(plain), hints[key])


def nodes(cfg: Any, path: str = "") -> Iterator[tuple[str, DictConfig]]:
    """Yield the dotted path and the node of every mapping with a `_target_`, outer mappings first."""
    if isinstance(cfg, DictConfig):
        if "_target_" in cfg:
            yield path, cfg
        key: Any  # keys may be numbers, as in data.label_map
        for key in cfg:
            yield from nodes(cfg[key], f"{path}.{key}" if path else str(key))
    elif isinstance(cfg, ListConfig):
        for i, item in enumerate(cfg):
            yield from nodes(item, f"{path}[{i}]")


def find(path: str, dotted: str) -> Any:
    extras.require(path, [dotted])
    logging.getLogger("hydra.utils").addFilter(_without_lookups)  # Hydra logs the traceback of a failed lookup
    try:
        return get_object(dotted)
    except (ImportError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}._target_={dotted}: no such class or function") from error


def _without_lookups(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith("Error getting object at")


def with_text_keys(value: Any) -> Any:
    """Return a mapping as the constructor reads it, whose keys may be numbers in YAML; any other value as it is."""
    return {str(key): one for key, one in value.items()} if isinstance(value, dict) else value


def check_value(name: str, value: Any, hint: Any) -> None:
    no_run = name.rpartition(".")[2] == "run"  # whose message tells to name one
    if value == "" and not no_run and Path in (hint, *get_args(hint)):  # pathlib takes it for the working directory
        raise ConfigError(f"{name}=: expected the path of a file or folder, got nothing")
    try:
        read = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value)
    except ValidationError as error:
        reasons = dict.fromkeys(
            REASONS.get(problem["type"])
            or REASONS.get(problem["msg"])
            or problem["msg"].removeprefix("Input should be ")
            for problem in error.errors()
        )
        options = [
            option for problem in error.errors() for option in options_in(problem.get("ctx", {}).get("expected"))
        ]
        told = [f"a number {one}" if options and one.startswith(BOUNDS) else one for one in reasons]
        several = ", one alone: not a list" if isinstance(value, list) and "a valid string" in reasons else ""
        quoted = f"; as text: {for_shell(name, value)}" if is_number(value) and "a valid string" in reasons else ""
        expected = f"{' or '.join(told)}{several}{nearest(str(value), options)}{quoted}"
        raise ConfigError(f"{name}={written(value)}: expected {expected}") from error
    except PydanticUserError:
        return  # pydantic cannot build a schema for this type, e.g. a third-party class
    exact = type(read) is type(value) or (type(read) is float and type(value) is int)
    if type(read) in NUMBERS and not exact:  # pydantic coerces "no" to false, but the constructor gets "no"
        raise ConfigError(
            f"{name}={written(value)}: expected {NUMBERS[type(read)]}, got {type(value).__name__} {value!r}"
        )


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def options_in(expected: Any) -> list[str]:
    """Extract the options from pydantic's text for a Literal or an enum, e.g. "'head', 'tail' or 'head_tail'"."""
    return re.findall(r"'([^']+)'", str(expected))


def type_hints(target: Any) -> dict[str, Any]:
    """Resolve the annotations of a class's constructor or of a function; empty if they cannot be resolved."""
    try:
        return get_type_hints(target.__init__ if inspect.isclass(target) else target, include_extras=True)
    except (NameError, TypeError):
        return {}


def suggestion(key: str, names: Iterable[Any]) -> str:
    """Suggest the nearest name like `nearest`, or list all names if none is close and there are at most 24."""
    known = [str(name) for name in names]
    return nearest(key, known) or (f"; there are {', '.join(known)}" if 0 < len(known) <= 24 else "")


def nearest(key: str, names: Iterable[Any]) -> str:
    """Format "; did you mean X?" with the closest of `names`; an empty string if none is close."""
    close = difflib.get_close_matches(key, [str(name) for name in names], n=1)
    return f"; did you mean {close[0]}?" if close else ""


def nearest_key(key: str, names: Iterable[str]) -> str:
    """Format "; did you mean X?" like `nearest`, by the last part of dotted keys: first among those of its parent."""
    parent, _, last = key.rpartition(".")

    def likeness(name: str) -> tuple[bool, bool, float, float]:
        there, _, own = name.rpartition(".")
        alike, whole = (difflib.SequenceMatcher(None, *pair).ratio() for pair in ((own, last), (name, key)))
        within = len(min(own, last, key=len)) >= SHORTEST and (own in last or last in own)
        near = there == parent
        return within or alike >= (NEAR if near else ALIKE), near, alike, whole

    (close, *_), name = max(((likeness(name), name) for name in names), key=lambda one: one[0], default=((False,), ""))
    return f"; did you mean {name}?" if close else ""
