"""reference/rest.md: docs/openapi.yaml as a page to read, its examples as the requests and answers."""

import json
from pathlib import Path
from typing import Any

import yaml

DOCUMENT = Path(__file__).with_name("openapi.yaml")
METHODS = ("get", "post", "options")


def render() -> str:
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    parts = ["# REST", "", document["info"]["description"], ""]
    parts += ["Made from `docs/openapi.yaml`, which the tests hold against the live server. Every request carries the"]
    parts += ["header `Authorization: Bearer <inference key>` unless the server runs with `token_auth=false`.", ""]
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                parts += operation(document, f"{method.upper()} {path}", item[method])
    return "\n".join(parts)


def operation(document: dict[str, Any], title: str, value: dict[str, Any]) -> list[str]:
    lines = [f"## {title}", "", value["summary"], ""]
    for kind, content in value.get("requestBody", {}).get("content", {}).items():
        for name, example in content.get("examples", {}).items():
            lines += [f"Request `{name}`, {kind}:", "", *block(example["value"])]
    answers = {status: resolved(document, answer) for status, answer in sorted(value["responses"].items())}
    lines += ["| status | answer |", "|---|---|"]
    lines += [f"| {status} | {answer['description']} |" for status, answer in answers.items()] + [""]
    for status, answer in answers.items():
        for content in answer.get("content", {}).values():
            for name, example in content.get("examples", {}).items():
                lines += [f"Answer {status} `{name}`:", "", *block(example["value"])]
    return lines


def resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """What a local `$ref` points to, or the value itself."""
    if "$ref" not in value:
        return value
    for part in value["$ref"].removeprefix("#/").split("/"):
        document = document[part]
    return document


def block(value: Any) -> list[str]:
    return ["```json", json.dumps(value, indent=2, ensure_ascii=False), "```", ""]
