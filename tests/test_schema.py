import pytest

from sentiment.schema import MAX_CHARACTERS, MAX_TEXTS, Prediction, Request, RequestError, parse_request

SUNNY = Prediction("positive", 0.9, {"negative": 0.1, "positive": 0.9})


def test_one_text_and_many_are_told_apart():
    assert parse_request("fine") == Request(("fine",), many=False)
    assert parse_request({"text": "fine"}) == Request(("fine",), many=False)
    assert parse_request({"texts": ["fine"]}) == Request(("fine",), many=True)


def test_a_list_is_answered_with_a_list_even_of_one():
    assert Request(("a",), many=True).render([SUNNY]) == {"predictions": [SUNNY.to_json()]}
    assert Request(("a",), many=False).render([SUNNY]) == SUNNY.to_json()


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
        ({}, 400, "got the keys: none"),
        ([1], 400, "got a list"),
        (None, 400, "got null"),
        ({"texts": ["a"] * (MAX_TEXTS + 1)}, 413, "send at most 1024"),
        ({"text": "a" * (MAX_CHARACTERS + 1)}, 413, "send at most 100,000"),
    ],
)
def test_a_bad_request_says_what_is_wrong(body, status, message):
    with pytest.raises(RequestError) as caught:
        parse_request(body)
    assert caught.value.status == status
    assert message in str(caught.value)
    assert caught.value.to_json()["code"] == status
