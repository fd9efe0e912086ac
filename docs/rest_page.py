"""reference/rest.md: docs/openapi.yaml as a page to read, its examples as the requests and answers."""

import json
from pathlib import Path
from typing import Any

import yaml

DOCUMENT = Path(__file__).with_name("openapi.yaml")
METHODS = ("get", "post", "options")
HEAD = """\
# REST API

Made from `docs/openapi.yaml`, OpenAPI 3.1; the tests send requests generated from it to the live server. Every request
needs the header `Authorization: Bearer <inference key>` unless the server runs with `token_auth=false`.
"""


def render() -> str:
    """Return the page: the description, each path with its examples, and the statuses that paths share."""
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    parts = [HEAD, document["info"]["description"], "## Paths", ""]
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                parts += operation(f"{method.upper()} {path}", item[method])
    parts += ["## Statuses", "", "| status | reason |", "|---|---|"]
    return "\n".join([*parts, *shared(document)])


def operation(title: str, value: dict[str, Any]) -> list[str]:
    """Return an operation with its examples; a response by reference is left to the table of statuses."""
    lines = [f"### {title}", "", value["summary"], ""]
    for kind, content in value.get("requestBody", {}).get("content", {}).items():
        for name, example in content.get("examples", {}).items():
            lines += [f"Request `{name}`, {kind}:", "", *block(example["value"])]
    for status, answer in sorted(value["responses"].items()):
        if "$ref" not in answer:
            lines += [f"{status}: {line(answer['description'])}", ""]
            for content in answer.get("content", {}).values():
                for name, example in content.get("examples", {}).items():
                    lines += [f"Answer {status} `{name}`:", "", *block(example["value"])]
    return lines


def shared(document: dict[str, Any]) -> list[str]:
    """Return the rows of the responses that operations refer to, by status."""
    reasons = {
        (status, answer["$ref"])
        for item in document["paths"].values()
        for method in METHODS
        for status, answer in item.get(method, {}).get("responses", {}).items()
        if "$ref" in answer
    }
    return [f"| {status} | {line(resolve(document, ref)['description'])} |" for status, ref in sorted(reasons)]


def resolve(document: dict[str, Any], ref: str) -> dict[str, Any]:
    """Return what a local `$ref` points to."""
    for part in ref.removeprefix("#/").split("/"):
        document = document[part]
    return document


def line(text: str) -> str:
    return " ".join(text.split())


def block(value: Any) -> list[str]:
    return ["```json", json.dumps(value, indent=2, ensure_ascii=False), "```", ""]
