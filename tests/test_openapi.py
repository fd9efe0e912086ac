"""docs/openapi.yaml says what the handler does: its examples are asked and answered."""

import pytest
import yaml
from jsonschema import Draft202012Validator

from sentiment.protocol import FORMS, OUTPUTS
from sentiment.schema import MAX_CHARACTERS, MAX_TEXTS, STATUS
from tests.conftest import ROOT
from tests.test_handler import answers, handler  # noqa: F401, the fixture

DOCUMENT = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
SCHEMAS = DOCUMENT["components"]["schemas"]
ASKED = [
    (operation["requestBody"]["content"]["application/json"], operation["responses"]["200"], name)
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
    return "label" if value in ("negative", "positive") else float if isinstance(value, float) else value


@pytest.mark.parametrize(("body", "response", "name"), ASKED, ids=[name for _, _, name in ASKED])
def test_an_example_is_answered_in_the_form_of_its_answer(handler, body, response, name):  # noqa: F811
    asked, told = body["examples"][name]["value"], response["content"]["application/json"]
    check(asked, body["schema"])
    check(told["examples"][name]["value"], told["schema"])
    [(status, answer)] = answers(handler, {"body": asked})
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
    assert tuple(SCHEMAS["Output"]["enum"]) == OUTPUTS
    for schema, key in zip(("One", "Many", "Instances", "Tensors"), FORMS, strict=True):
        assert SCHEMAS[schema]["required"] == [key]
        assert [name for name, value in SCHEMAS[schema]["properties"].items() if value is False] == [
            other for other in FORMS if other != key
        ]
    told = {code for path in DOCUMENT["paths"].values() for how in path.values() if isinstance(how, dict)
            for code in how["responses"]}  # fmt: skip
    assert {str(code) for code in STATUS} <= told
