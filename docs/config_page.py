"""reference/config.md: each key of conf/ with its default, its type from the signature it wires, and its comment."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
import yaml
from hydra.utils import get_object

from sentiment.config.commands import commands
from sentiment.config.resources import bundled
from sentiment.config.signatures import type_hints

CONF = bundled("conf")
INTERNAL = ("hydra", "defaults", "_target_", "_partial_")
BOUNDS = {
    annotated_types.Ge: ("ge", "at least"),
    annotated_types.Gt: ("gt", "more than"),
    annotated_types.Le: ("le", "at most"),
    annotated_types.Lt: ("lt", "less than"),
}
HEAD = """\
# Configuration

Made from `conf/` and the signatures its `_target_`s name. Set a key with `key=value`, choose a group's option with
`group=option`; a key that does not exist, and a value of another type or out of range, fail before any work starts.
"""


@dataclass(frozen=True, slots=True)
class Key:
    name: str
    default: str
    type: str
    comment: str


def render() -> str:
    parts = [HEAD, "## Commands\n"]
    for command in commands():
        title = "python train.py" if command == "train" else f"sentiment {command}"
        parts.append(section(CONF / f"{command}.yaml", f"### {title}"))
    parts.append("## Groups\n")
    for group in sorted(path for path in CONF.iterdir() if path.is_dir() and path.name not in ("hydra", "local")):
        parts += [section(path, f"### {group.name}={path.stem}") for path in sorted(group.glob("*.yaml"))]
    return "\n".join(parts)


def section(path: Path, title: str) -> str:
    text = path.read_text(encoding="utf-8")
    keys = list(keys_of(yaml.compose(text), text.splitlines()))
    lines = [title, "", purpose(text), ""]
    if keys:
        lines += ["| key | default | type | meaning |", "|---|---|---|---|"]
        lines += [f"| `{key.name}` | {code(key.default)} | {cell(key.type)} | {cell(key.comment)} |" for key in keys]
    return "\n".join(lines) + "\n"


def purpose(text: str) -> str:
    """The comment a file begins with, without the command it names."""
    comments = [line[2:] for line in text.splitlines() if line.startswith("# ") and not line.startswith("# @package")]
    if not comments:
        return ""
    words = re.sub(r"^(sentiment [a-z-]+|python train\.py): ", "", comments[0])
    return words[0].upper() + words[1:] + ("" if words.endswith((".", "?")) else ".")


def keys_of(node: yaml.MappingNode, lines: list[str], prefix: str = "") -> Iterator[Key]:
    """The leaves of a mapping, in its order."""
    hints = hints_of(node)
    for key, value in node.value:
        if key.value in INTERNAL or key.value.startswith("override "):
            continue
        name = prefix + key.value
        if isinstance(value, yaml.MappingNode) and value.value:
            yield from keys_of(value, lines, f"{name}.")
        else:
            default = source(value)
            yield Key(name, default, type_name(hints.get(key.value)), comment(lines[value.start_mark.line]))


def hints_of(node: yaml.MappingNode) -> dict[str, Any]:
    target = next((value.value for key, value in node.value if key.value == "_target_"), None)
    if target is None:
        return {}
    made = get_object(target)
    hints = type_hints(made)
    return {name: hints.get(name, p.annotation) for name, p in inspect.signature(made).parameters.items()}


def source(node: yaml.Node) -> str:
    return node.value if isinstance(node, yaml.ScalarNode) else yaml.serialize(node, width=1000).strip()


def comment(line: str) -> str:
    found = re.search(r"\s#\s(.*)$", line)
    return found[1] if found else ""


def type_name(hint: Any) -> str:
    """A type in words, with the bounds that the check holds a value to."""
    if hint is None or hint is inspect.Parameter.empty or hint is Any:
        return ""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = [bound(one) for one in arguments[1:] if type(one) in BOUNDS]
        return ", ".join([type_name(arguments[0]), *bounds])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(type_name(one) for one in arguments if one is not NoneType))
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}
    if hint in names:
        return names[hint]
    inner = ", ".join(filter(None, dict.fromkeys(type_name(one) for one in arguments if one is not Ellipsis)))
    name = getattr(origin or hint, "__name__", str(hint))
    if name in ("Sequence", "list", "tuple"):
        return f"list of {inner}" if inner else "list"
    return name


def bound(one: Any) -> str:
    attribute, words = BOUNDS[type(one)]
    return f"{words} {getattr(one, attribute):g}"


def code(text: str) -> str:
    return f"`{cell(text)}`" if text else ""


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
