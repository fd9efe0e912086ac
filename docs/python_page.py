"""reference/python.md: the names of `sentiment.__all__` with their signatures and docstrings."""

import inspect
import re
import textwrap
from collections.abc import Iterator
from typing import Any, get_overloads

import sentiment
from sentiment import errors

HEAD = """\
# Python

Made from the docstrings of the package. These names are the whole of the Python API; what other modules hold may
change in any release. Each is loaded when it is first asked for, so that `import sentiment` takes milliseconds.

```python
from sentiment import Predictor, train

run = train(data="files", overrides=["data.train=mine.csv"])
Predictor.from_pretrained(run)("what a day").label
```
"""
ORDER = (
    *("train", "evaluate", "Run", "Predictor", "Prediction", "Explanation"),
    *("Client", "AsyncClient", "SentimentError", "__version__"),
)
METHODS = {  # the methods that are promised, in the order of the page
    "Run": ("open",),
    "Predictor": ("from_pretrained", "__call__", "predict", "pipeline", "explain", "close"),
    "Prediction": ("to_json",),
    "Explanation": ("to_json",),
    "Client": ("predict", "explain", "describe", "ping", "close"),
    "AsyncClient": ("predict", "explain", "close"),
}
BARE = ("Predictor", "SentimentError")  # made by a class method, or raised
SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises", "Example")
ENTRY = re.compile(r"(\w+): (.*)")


def render() -> str:
    """Return the page. Raises ValueError where a public name has no place on it."""
    if sorted(ORDER) != sorted(sentiment.__all__):
        raise ValueError(f"docs/python_page.py lacks {sorted(set(ORDER) ^ set(sentiment.__all__))}")
    return "\n".join([HEAD, *(part for name in ORDER for part in entry(name))])


def entry(name: str) -> Iterator[str]:
    """Yield the parts of a public name: its signature, its docstring, and those of its methods."""
    value = getattr(sentiment, name)
    yield f"## `{name}`\n"
    if isinstance(value, str):
        yield "The version of the installed package, a text.\n"
        return
    yield from body(name, value, bare=name in BARE)
    if name == "SentimentError":
        tree = (inspect.getdoc(errors) or "").partition("\n\n")[2]
        yield f"```text\n{tree}\n```\n"
    for base in value.__mro__[1:-1] if isinstance(value, type) else ():
        if base.__module__.startswith("sentiment."):
            yield markdown(inspect.getdoc(base) or "")
    for method in METHODS.get(name, ()):
        yield f"### `{name}.{method}`\n" if method != "__call__" else f"### `{name}()(texts)`\n"
        yield from body(method, inspect.getattr_static(value, method), bare=False)


def body(name: str, value: Any, bare: bool) -> Iterator[str]:
    """Yield the signature, unless `bare`, and the docstring as Markdown."""
    function = value.__func__ if isinstance(value, classmethod) else value
    if not bare:
        lines = "\n".join(signature(name, one) for one in get_overloads(function) or [function])
        yield f"```python\n{lines}\n```\n"
    yield markdown(inspect.getdoc(function) or "")


def signature(name: str, value: Any) -> str:
    """Return the call as it is written, one parameter a line where it is long."""
    found = inspect.signature(value)
    parameters = [p for key, p in found.parameters.items() if key not in ("self", "cls")]
    returns = "" if isinstance(value, type) else f" -> {annotation(found.return_annotation)}"
    marked = list(stars(parameters))
    line = f"{name}({', '.join(marked)}){returns}"
    if len(line) <= 100:
        return line
    return f"{name}(\n" + "".join(f"    {mark},\n" for mark in marked) + f"){returns}"


def stars(parameters: list[inspect.Parameter]) -> Iterator[str]:
    keyword = False
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not keyword:
            keyword = True
            yield "*"
        default = "" if parameter.default is inspect.Parameter.empty else f" = {shown(parameter.default)}"
        yield f"{parameter.name}: {annotation(parameter.annotation)}{default}"


def shown(default: Any) -> str:
    return "..." if default is Ellipsis else repr(default)


def annotation(hint: Any) -> str:
    """Return a type as it is written, without modules and bounds."""
    text = hint if isinstance(hint, str) else inspect.formatannotation(hint)
    text = re.sub(r"Annotated\[([\w |]+), [^\]]*\]", r"\1", text)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", text).replace("'", "" if "Literal" not in text else "'")


def markdown(docstring: str) -> str:
    """Turn the sections of a docstring into Markdown."""
    parts, section = [], ""
    for block in re.split(rf"\n(?=(?:{'|'.join(SECTIONS)}):\n)", docstring):
        title, _, rest = block.partition(":\n")
        section = title if title in SECTIONS else ""
        text = textwrap.dedent(rest) if section else block
        if section in ("Args", "Attributes", "Raises"):
            text = "\n".join(items(text))
        parts.append(f"**{section}**\n\n{text.strip()}\n" if section else f"{text.strip()}\n")
    return "\n".join(parts)


def items(text: str) -> Iterator[str]:
    """Yield the entries of Args or Raises as a list."""
    joined = re.sub(r"\n\s+", " ", text.strip())
    for line in joined.splitlines():
        found = ENTRY.match(line)
        yield f"- `{found[1]}`: {found[2]}" if found else f"- {line}"
