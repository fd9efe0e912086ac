"""Templates of the pages that the commands write, and their common style sheet."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

CSS = Path(__file__).with_name("page.css")


def render(folder: Path, page: Mapping[str, Any], *, template: str = "page.html", **filters: Callable[..., str]) -> str:
    """Render a template of a folder; a variable that `page` lacks is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    return environment.get_template(template).render(page)


def css() -> str:
    return CSS.read_text(encoding="utf-8")
