import json
from dataclasses import replace

import pytest

from sentiment.errors import RequestError
from sentiment.inference.types import Model, Prediction
from sentiment.protocol.kserve_v2 import Tensor
from sentiment.protocol.requests import Describe, Explain, Many, One, parse_explain, parse_request
from sentiment.protocol.validation import MAX_CHARACTERS, MAX_TEXTS

MODEL = Model("mood", "1.0", ("negative", "positive"), max_length=64, truncation="head")
SUNNY = Prediction("positive", 0.9, {"negative": 0.1, "positive": 0.9}, 5, False, unreadable=0.0, readable=True)
GLOOMY = Prediction("negative", 0.8, {"negative": 0.8, "positive": 0.2}, 64, True, unreadable=0.25, readable=True)


def v2(*data, **changes):
    """A V2 body; `changes` are to the tensor where it has the key, else to the body."""
    tensor = {"name": "text", "shape": [len(data)], "datatype": "BYTES", "data": list(data)}
    inner = {key: value for key, value in changes.items() if key in tensor}
    outer = {key: value for key, value in changes.items() if key not in tensor}
    return {"inputs": [{**tensor, **inner}], **outer}


def test_each_form_is_told_by_its_key():
    assert parse_request("fine") == One("fine")
    assert parse_request({"text": "fine"}) == One("fine")
    assert parse_request({"texts": ["fine"]}) == Many(("fine",))
    assert parse_request({"instances": ["fine", {"text": "so"}, {"data": "so"}]}) == Many(("fine", "so", "so"))
    assert parse_request(v2("fine", "so")) == Tensor(("fine", "so"))
    assert parse_request(v2("fine", "so", shape=[2, 1])) == Tensor(("fine", "so"))


def test_a_list_is_answered_with_a_list_even_of_one():
    assert Many(("a",)).render([SUNNY], MODEL) == {"predictions": [SUNNY.to_json()]}
    assert One("a").render([SUNNY], MODEL) == SUNNY.to_json()


def test_details_come_with_each_prediction():
    for body in ({"text": "a"}, {"texts": ["a"]}, {"instances": ["a"]}):
        answer = parse_request({**body, "details": True}).render([SUNNY], MODEL)
        [prediction] = answer.get("predictions", [answer])
        assert prediction == SUNNY.to_json(details=True)


def test_a_tensor_is_answered_with_tensors():
    body = v2("a", "b", id="7", parameters={"trace": 3})
    assert parse_request(body).render([SUNNY, GLOOMY], MODEL) == {
        "model_name": "mood",
        "model_version": "1.0",
        "id": "7",
        "parameters": {"trace": 3},
        "outputs": [
            {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["positive", "negative"]},
            {"name": "score", "datatype": "FP32", "shape": [2], "data": [0.9, 0.8]},
            {"name": "probabilities", "datatype": "FP32", "shape": [2, 2], "data": [0.1, 0.9, 0.8, 0.2]},
        ],
    }


def test_a_tensor_request_without_id_and_parameters_gets_none():
    assert set(parse_request(v2("a")).render([SUNNY], MODEL)) == {"model_name", "model_version", "outputs"}


def test_details_of_tensors_are_tensors():
    answer = parse_request(v2("a", "b", parameters={"details": True})).render([SUNNY, GLOOMY], MODEL)
    assert answer["outputs"][3:] == [
        {"name": "tokens", "datatype": "INT64", "shape": [2], "data": [5, 64]},
        {"name": "truncated", "datatype": "BOOL", "shape": [2], "data": [False, True]},
        {"name": "unreadable", "datatype": "FP32", "shape": [2], "data": [0.0, 0.25]},
        {"name": "polarity", "datatype": "FP32", "shape": [2], "data": [one.polarity for one in (SUNNY, GLOOMY)]},
        {"name": "readable", "datatype": "BOOL", "shape": [2], "data": [True, True]},
        {"name": "reason", "datatype": "BYTES", "shape": [2], "data": ["", ""]},
    ]


def test_what_cannot_be_read_or_is_left_to_a_person_is_told_in_every_form():
    unread, left = replace(SUNNY, unreadable=1.0, readable=False, reason="script"), replace(SUNNY, abstained=True)
    assert parse_request({"text": "a"}).render([unread], MODEL)["readable"] is False
    assert "readable" not in parse_request({"text": "a"}).render([SUNNY], MODEL)
    assert parse_request({"text": "a", "max_error": 0.1}).max_error == 0.1
    assert parse_request({"text": "a"}).render([left], MODEL)["abstained"] is True
    for body in ({"texts": ["a", "b"]}, {"instances": ["a", "b"]}):
        found = parse_request({**body, "max_error": 0.1}).render([unread, left], MODEL)["predictions"]
        assert (found[0]["readable"], found[1]["abstained"]) == (False, True)
    tensor = parse_request(v2("a", "b", parameters={"max_error": 0.1}))
    outputs = {one["name"]: one for one in tensor.render([unread, SUNNY], MODEL)["outputs"]}
    assert tensor.max_error == 0.1
    assert outputs["readable"] == {"name": "readable", "datatype": "BOOL", "shape": [2], "data": [False, True]}
    assert outputs["reason"] == {"name": "reason", "datatype": "BYTES", "shape": [2], "data": ["script", ""]}
    outputs = {one["name"]: one for one in tensor.render([left, replace(SUNNY, abstained=False)], MODEL)["outputs"]}
    assert outputs["abstained"] == {"name": "abstained", "datatype": "BOOL", "shape": [2], "data": [True, False]}


@pytest.mark.parametrize("value", [0, -0.1, 1.5, True, "0.1", [0.1]])
def test_an_error_rate_that_is_none_is_refused(value):
    with pytest.raises(RequestError, match='"max_error" must be a number above 0 and at most 1, got'):
        parse_request({"text": "a", "max_error": value})


def test_only_the_outputs_asked_for_are_sent():
    answer = parse_request(v2("a", outputs=[{"name": "score"}])).render([SUNNY], MODEL)
    assert [output["name"] for output in answer["outputs"]] == ["score"]


@pytest.mark.parametrize("name", ["logits", "abstained", "labels", "value", "layers"])
def test_an_output_that_the_model_does_not_have_is_refused_with_those_it_has(name):
    own = "label, score, probabilities, tokens, truncated, unreadable, readable, reason, polarity"
    with pytest.raises(RequestError, match=f"no output '{name}'; there are {own}$"):
        parse_request(v2("a", outputs=[{"name": name}])).render([SUNNY], MODEL)


def test_an_output_of_the_details_needs_no_parameter():
    answer = parse_request(v2("a", outputs=[{"name": "tokens"}])).render([SUNNY], MODEL)
    assert [output["data"] for output in answer["outputs"]] == [[5]]


def test_explanations_are_asked_for_in_every_form_with_a_target_or_without():
    assert parse_explain("fine") == Explain(One("fine"))
    assert parse_explain({"text": "fine", "target": "sad"}) == Explain(One("fine"), "sad")
    assert parse_explain({"instances": ["fine"], "target": "sad"}) == Explain(Many(("fine",)), "sad")
    tensor = Tensor(("fine",), parameters={"target": "sad"})
    assert parse_explain(v2("fine", parameters={"target": "sad"})) == Explain(tensor, "sad")


def test_a_description_comes_back_as_the_model_it_describes():
    told = json.loads(json.dumps(Describe().render([], MODEL)))
    assert told["labels"] == ["negative", "positive"]
    assert Model.from_json(told) == MODEL


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"text": ""}, 400, "text is empty"),
        ({"text": " \n"}, 400, "text is empty"),
        ({"text": 3}, 400, "text must be a string, got a number"),
        ({"text": None}, 400, "text must be a string, got null"),
        ({"texts": "a"}, 400, '"texts" must be a list of strings, got a string'),
        ({"texts": []}, 400, "empty list"),
        ({"texts": ["a", True]}, 400, "texts[1] must be a string, got a boolean"),
        ({"txt": "a"}, 400, "got the keys: txt"),
        ({"text": "a", "texts": ["a"]}, 400, "got the keys: text, texts"),
        ({}, 400, "got the keys: none"),
        ([1], 400, "got a list"),
        (None, 400, "got null"),
        ({"texts": ["a"] * (MAX_TEXTS + 1)}, 413, "send at most 1024"),
        ({"text": "a" * (MAX_CHARACTERS + 1)}, 413, "send at most 100,000"),
        ({"text": "a", "details": "yes"}, 400, '"details" must be true or false, got a string'),
        ({"instances": "a"}, 400, '"instances" must be a list of strings, got a string'),
        ({"instances": [["a"]]}, 400, "instances[0] must be a string, got a list"),
        ({"instances": [{"txt": "a"}]}, 400, 'must have the key "text" or "data"'),
        ({"instances": ["a"] * (MAX_TEXTS + 1)}, 413, "send at most 1024"),
        ({"inputs": "a"}, 400, "a list of one tensor"),
        ({"inputs": []}, 400, "a list of one tensor"),
        (v2("a", datatype="FP32"), 400, 'must be "BYTES", got "FP32"'),
        ({"inputs": [{"name": "text", "shape": [1], "data": ["a"]}]}, 400, 'must be "BYTES", got nothing'),
        (v2("a", shape=[2]), 400, "shape must be [1] for 1 texts, got [2]"),
        (v2("a", shape=None), 400, "got null"),
        (v2("a", shape=[True, 1]), 400, "got [true, 1]"),
        (v2(), 400, '"data" is an empty list'),
        (v2("a", data=None), 400, '"data" must be a list of strings, got null'),
        (v2("a", 3), 400, "data[1] must be a string, got a number"),
        (v2(*["a"] * (MAX_TEXTS + 1)), 413, "send at most 1024"),
        (v2("a", id=3), 400, '"id" must be a string, got a number'),
        (v2("a", parameters=[]), 400, '"parameters" must be an object, got a list'),
        (v2("a", parameters={"deep": {}}), 400, "parameters.deep must be"),
        (v2("a", parameters={"huge": float("inf")}), 400, "parameters.huge must be"),
        (v2("a", parameters={"details": 1}), 400, '"details" must be true or false, got a number'),
        (v2("a", outputs=[{"name": ["label"]}]), 400, 'the "name" of an output must be a string, got a list'),
        (v2("a", outputs="label"), 400, '"outputs" must be a list of objects'),
    ],
)
def test_a_bad_request_says_what_is_wrong(body, status, message):
    with pytest.raises(RequestError) as caught:
        parse_request(body)
    assert caught.value.status == status
    assert message in str(caught.value)
    assert caught.value.to_json()["code"] == status


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"text": "a", "treshold": 0.3}, 'unknown key "treshold" in a request with "text"; known are text, asp'),
        ({"texts": ["a"], "Details": True}, 'unknown key "Details" in a request with "texts"; known are texts, a'),
        ({"text": "a", "": 1}, 'unknown key "" in'),
        ({"text": "a", "k" * 90_000: 1}, f'unknown key "{"k" * 40}" in'),
        ({"text": "a", "target": "sad"}, '"target" says nothing here; only an explanation has a target label'),
        ({"text": "a", "id": "7"}, 'unknown key "id" in a request with "text"'),
        ({"text": "a", "parameters": {"details": True}}, 'unknown key "parameters" in a request with "text"'),
        ({"instances": ["a"], "parameters": {}}, 'unknown key "parameters" in a request with "instances"; known are'),
        ({"instances": ["a", {"text": "b", "label": "c"}]}, 'unknown key "label" in instances[1]; known are text, asp'),
        ({"instances": [{"data": "b", "details": True}]}, 'unknown key "details" in instances[0]; known are data, asp'),
        (v2("a", ids="7"), 'unknown key "ids" in a KServe V2 request; known are inputs, id, parameters, outputs'),
        (v2("a", model_name="mood"), 'unknown key "model_name" in a KServe V2 request'),
        (v2("a", details=True), '"details" says nothing here; it is one of the "parameters"'),
        (v2("a", target="sad"), '"target" says nothing here; only an explanation has a target label'),
        (v2("a", aspect="b"), '"aspect" says nothing here; send a second tensor with the name "aspect"'),
        (v2("a", parameters={"treshold": 0.3}), 'unknown key "treshold" in "parameters"; known are details, max'),
        (v2("a", parameters={"target": "sad"}), '"target" says nothing here; only an explanation'),
        (v2("a", parameters={"aspect": "b"}), '"aspect" says nothing here; send a second tensor'),
        ({"inputs": [{**v2("a")["inputs"][0], "dtype": "BYTES"}]}, 'unknown key "dtype" in the input; known are name,'),
        (v2("a", outputs=[{"name": "label", "datatype": "BYTES"}]), 'unknown key "datatype" in "outputs"; known are'),
    ],
)
def test_a_key_that_nothing_reads_is_refused_with_those_that_are_read(body, message):
    with pytest.raises(RequestError) as caught:
        parse_request(body)
    assert (caught.value.status, str(caught.value)[: len(message)]) == (400, message)


def test_the_optional_fields_of_the_open_protocols_are_taken():
    codec = {"content_type": "str"}  # as MLServer's and KServe's clients send
    body = v2("a", id="7", parameters={**codec, "priority": 1}, outputs=[{"name": "label", "parameters": {}}])
    body["inputs"][0]["parameters"] = codec
    assert parse_request(body).parameters == {**codec, "priority": 1}
    assert parse_request({"instances": ["a"], "signature_name": "serving_default"}) == Many(("a",))
