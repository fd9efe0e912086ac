"""Bodies and answers of the inference API, as both clients send and read them."""

import json
import re
from collections.abc import Sequence
from typing import Any

from sentiment.client.traces import trace_headers
from sentiment.errors import DataError, RejectedError, ServerError
from sentiment.inference.pairs import Aspects, Pair, Text, aspect_of, aspects_of, pair_texts, text_of
from sentiment.inference.types import Explanation, Prediction

PLACE = re.compile(r"\b(texts|aspects)\[(\d+)\]")  # in messages of the server
JSON = {"Content-Type": "application/json"}


def inputs(texts: Sequence[Text], aspect: Aspects) -> list[Any]:
    """Return the texts, each with its aspect.

    Raises:
        RejectedError: For a bare text, which would be sent letter by letter, or aspects that do not fit the texts.
    """
    if isinstance(texts, str):
        raise RejectedError("expected a list of texts, got one text; put it in a list: [text]")
    try:
        return pair_texts(texts, aspect)
    except DataError as error:
        raise RejectedError(str(error)) from error


def texts_body(texts: Sequence[Text]) -> dict[str, Any]:
    """Return the keys of texts, and of aspects if there are any."""
    body: dict[str, Any] = {"texts": [*map(text_of, texts)]}
    return body | {"aspects": [*aspects_of(texts)]} if any(isinstance(text, Pair) for text in texts) else body


def request(body: dict[str, Any] | None) -> dict[str, Any]:
    """Return httpx's arguments to send a body; without one, to ask the model to describe itself."""
    if body is None:
        return {"method": "POST", "headers": trace_headers() | {"describe": "True"}}
    return {"method": "POST", "headers": trace_headers() | JSON, "content": json.dumps(body)}


def halves(body: dict[str, Any], error: RejectedError, *, first: int) -> list[dict[str, Any]]:
    """Split a request body that was rejected with 413 into two; raise the error if it cannot help.

    Args:
        body: The request body.
        error: Its rejection, which names texts by their place in the body.
        first: Place of the body's first text among those of the caller, by which the raised error names them.
    """
    texts = body["texts"]
    if error.status != 413 or len(texts) < 2:
        told = PLACE.sub(lambda found: f"{found[1]}[{int(found[2]) + first}]", str(error))
        raise RejectedError(told, status=error.status) from error
    half = len(texts) // 2
    keys = [key for key in ("texts", "aspects") if key in body]
    return [body | {key: body[key][part] for key in keys} for part in (slice(half), slice(half, None))]


def predictions(answer: Any, body: dict[str, Any]) -> list[Prediction]:
    """Decode the predictions of a response.

    Raises:
        ServerError: The response does not come from our handler, or has another number of predictions than texts.
    """
    try:
        found = [Prediction.from_json(value) for value in answer["predictions"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ServerError('the answer holds no "predictions"; is the model an archive of sentiment package?') from error
    if len(found) != len(body["texts"]):
        raise ServerError(f"{len(found)} predictions for {len(body['texts'])} texts; is a proxy in between?")
    return found


def explain_body(text: Text, target: str | None) -> dict[str, str]:
    values = {"text": text_of(text), "aspect": aspect_of(text), "target": target}
    return {key: value for key, value in values.items() if value is not None}


def explanation(answer: Any) -> Explanation:
    """Decode the explanation of a response. Raises ServerError if it does not come from our handler."""
    try:
        return Explanation.from_json(answer)
    except (KeyError, TypeError, AttributeError) as error:
        raise ServerError("the answer is no explanation; was the archive packaged by an earlier version?") from error
