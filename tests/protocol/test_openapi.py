"""docs/openapi.yaml says what the handler does: its examples are asked and answered."""

import json

import pytest
import yaml
from jsonschema import Draft202012Validator

from sentiment.errors import STATUS
from sentiment.protocol.kserve_v2 import ASPECTS, EXPLANATION, OUTPUTS, PREDICTION, REQUEST
from sentiment.protocol.requests import FORMS, OWN
from sentiment.protocol.validation import (
    MAX_ASPECT_CHARACTERS,
    MAX_CHARACTERS,
    MAX_EXPLAINED,
    MAX_EXPLAINED_CHARACTERS,
    MAX_TEXTS,
)
from tests.conftest import ROOT
from tests.handling import answers

DOCUMENT = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
ASKED = [
    (operation, name)
    for path in DOCUMENT["paths"].values()
    for operation in [path.get("post", {})]
    if "requestBody" in operation
    for name in operation["requestBody"]["content"]["application/json"]["examples"]
]
REFUSED = {
    "empty": ({"text": ""}, "Refused"),
    "unknown": ({"txt": "a"}, "Refused"),
    "long": ({"text": "a" * 100_001}, "TooLarge"),
}


def check(value, schema):
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(value)


def form(value):
    """`value` with its numbers and labels blanked: what an example promises whatever the model."""
    if isinstance(value, dict):
        return {key: form(item) for key, item in value.items()}
    if isinstance(value, list):
        return [form(item) for item in value]
    if isinstance(value, str) and value.startswith("{"):
        return form(json.loads(value))
    return "label" if value in ("negative", "positive") else float if isinstance(value, float) else value


@pytest.mark.parametrize(("operation", "name"), ASKED, ids=[f"{how['operationId']}-{name}" for how, name in ASKED])
def test_an_example_is_answered_in_the_form_of_its_answer(handler, operation, name):  # noqa: F811
    body, told = (
        part["content"]["application/json"] for part in (operation["requestBody"], operation["responses"]["200"])
    )
    asked = body["examples"][name]["value"]
    check(asked, body["schema"])
    check(told["examples"][name]["value"], told["schema"])
    explain = str("explain" in operation["operationId"])  # as TorchServe tells the handler which path was asked
    [(status, answer)] = answers(handler, {"body": asked}, headers={0: {"explain": explain}})
    assert status == 200
    check(answer, told["schema"])
    assert form(answer) == form(told["examples"][name]["value"])


@pytest.mark.parametrize("name", REFUSED)
def test_an_example_of_an_error_is_the_error(handler, name):  # noqa: F811
    body, response = REFUSED[name]
    examples = DOCUMENT["components"]["responses"][response]["content"]["application/json"]["examples"]
    [(status, answer)] = answers(handler, {"body": body})
    assert answer == examples[name]["value"]
    assert status == answer["code"]


def test_limits_forms_and_statuses_are_those_of_the_code():
    assert SCHEMAS["Text"]["maxLength"] == MAX_CHARACTERS
    assert SCHEMAS["Many"]["properties"]["texts"]["maxItems"] == MAX_TEXTS
    assert SCHEMAS["TextToExplain"]["maxLength"] == MAX_EXPLAINED_CHARACTERS
    assert SCHEMAS["ExplainMany"]["properties"]["texts"]["maxItems"] == MAX_EXPLAINED
    assert SCHEMAS["Aspect"]["maxLength"] == MAX_ASPECT_CHARACTERS
    assert tuple(SCHEMAS["Output"]["enum"]) == OUTPUTS
    for schema, key in zip(("One", "Many", "Instances", "Tensors"), FORMS, strict=True):
        assert SCHEMAS[schema]["required"] == [key]
        known = {*REQUEST} if key == "inputs" else {key, *OWN[key], *PREDICTION.known}
        assert SCHEMAS[schema]["additionalProperties"] is False
        assert {*SCHEMAS[schema]["properties"]} == known
    for schema, options in (("Parameters", PREDICTION), ("ExplainParameters", EXPLANATION)):
        refused = {name for name, value in SCHEMAS[schema]["properties"].items() if value is False}
        assert refused == {*options.elsewhere, *ASPECTS}
        assert {*SCHEMAS[schema]["properties"]} - refused == {*options.known}
    told = {code for path in DOCUMENT["paths"].values() for how in path.values() if isinstance(how, dict)
            for code in how["responses"]}  # fmt: skip
    assert {str(code) for code in STATUS} <= told
