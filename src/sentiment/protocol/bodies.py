"""Request body decoding: JSON if the body is an object or a list, else plain text, also as a field of a form.

A browser's `fetch` labels JSON as text/plain and curl labels it as a form, so the content type matters in one case
only: a body declared as JSON must be JSON.
"""

import codecs
import email
import json
import re
from collections.abc import Mapping
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from sentiment.errors import RequestError

NAMES = ("body", "data")  # of the text
MAX_FIELDS = 16  # form fields kept per request
TOO_MANY_FIELDS = "\0more fields"  # marker for a form with more fields; no real field can have this name
MAX_FORM_BYTES = 16_384
NO_BODY = (
    'the request has no text; send {"text": "..."} with the header Content-Type: application/json, '
    'a plain text as text/plain, or a form with the field "data"'
)
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")) + (
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
FORM = ("application/x-www-form-urlencoded", "multipart/")
JSON_TYPE = re.compile(r"(?:application|text)/(?:[\w.+-]+\+)?json")
MEANT_AS_JSON = re.compile(r"""\{\s*["']""")  # an object with a quoted key; plain text does not start like that
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def decode(row: Mapping[str, Any], headers: Mapping[str, Any]) -> Any:
    """Decode one row of a TorchServe batch: its body, form fields and query parameters by name.

    Returns:
        A JSON value or the text.

    Raises:
        RequestError: The body is missing, given twice, or neither JSON nor text.
    """
    kind = header(headers, "content-type").partition(";")[0].strip().lower()
    if kind.startswith(FORM):
        row = fields_of(row, headers)
    else:
        refuse_query(row)
    given = [name for name in NAMES if name in row]
    if not given:
        raise RequestError(NO_BODY, reason="no_text")
    if len([name for name in given if row[name]]) > 1:
        raise RequestError('the request has two texts, in "body" and in "data"; send one')
    body = row[given[0]]
    declared = JSON_TYPE.fullmatch(kind) is not None
    if isinstance(body, bytes | bytearray):
        return read(text_of(bytes(body), header(headers, "content-encoding")), declared=declared)
    return read(body, declared=False) if isinstance(body, str) and not declared else body


def header(headers: Mapping[str, Any], name: str) -> str:
    """Look up a header by its lower-case name, case-insensitively; "" if absent. Values of form fields are ignored."""
    return next((v for key, v in headers.items() if key.lower() == name and isinstance(v, str)), "")


def fields_of(row: Mapping[str, Any], headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of a form: `sentiment serve` hands it over as it came, a plain TorchServe its fields.

    What is no form although it is labelled as one, such as the JSON of `curl -d`, is returned as the body.

    Raises:
        RequestError: The form has more than MAX_FIELDS fields or MAX_FORM_BYTES bytes (413), or a field beside the
            text, which would be ignored.
    """
    told = "send the text as JSON or as text/plain"
    length = header(headers, "content-length")
    if length.isdecimal() and len(length) < 20 and int(length) > MAX_FORM_BYTES:
        message = f"a form of {int(length):,} bytes; send at most {MAX_FORM_BYTES:,}, or {told}"
        raise RequestError(message, status=413, reason="too_long")
    body = row.get("body")
    if isinstance(body, bytes | bytearray) and str(len(body)) == length:  # a field is shorter than its form
        refuse_query(row)
        if body.lstrip().startswith((b"{", b"[")):
            return row
        row = parse_form(bytes(body), header(headers, "content-type"))
    if len(row) > MAX_FIELDS or TOO_MANY_FIELDS in row:
        raise RequestError(f"a form of more than {MAX_FIELDS} fields; {told}", status=413, reason="too_many")
    found = next((name for name in row if name not in NAMES), None)
    if found is not None and any(name in row for name in NAMES):
        raise RequestError(f'a form holds a text alone, not the field "{found[:40]}"; send both as JSON')
    return row


def in_query(name: str) -> str:
    """Return the message on a parameter of the URL's query."""
    return f'the query parameter "{name[:40]}" does nothing; send it in the body, as JSON'


def refuse_query(row: Mapping[str, Any]) -> None:
    """Refuse the parameters of the URL's query, which TorchServe puts beside the body."""
    if (found := next((name for name in row if name != "body"), None)) is not None:
        raise RequestError(in_query(found))


def parse_form(body: bytes, content_type: str) -> dict[str, Any]:
    """Return the fields of a form of at most MAX_FORM_BYTES, files too, by their names."""
    if not content_type.lower().startswith("multipart/"):
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1")  # one character a byte
        return {name: value.encode("latin-1") for name, value in pairs}
    head = b"Content-Type: " + content_type.encode("utf-8", "replace") + b"\r\n\r\n"
    form = email.message_from_bytes(head + body)  # not with policy.HTTP, which nested comments send into a recursion
    parts = [part for part in form.get_payload() if isinstance(part, Message)]  # of a str there are none
    return {str(part.get_param("name", header="content-disposition")): part.get_payload(decode=True) for part in parts}


def text_of(body: bytes, encoding: str) -> str:
    """Decode bytes as UTF-8 or by their byte order mark; JSON in UTF-16 or UTF-32 is detected without a mark.

    Raises:
        RequestError: The body is compressed or not valid in its encoding.
    """
    if body.startswith((GZIP, ZSTD)) or encoding.strip().lower() not in ("", "identity"):
        raise RequestError("the body is compressed; send it without Content-Encoding", reason="not_unicode")
    marked = next((name for mark, name in BOMS if body.startswith(mark)), None)
    name = marked or "utf-8"
    if not marked and 0 in body[:4]:
        guessed = json.detect_encoding(body)
        if body.decode(guessed, "replace").lstrip().startswith(("{", "[")):
            name = guessed
        elif body[:4].count(0) > 1:
            told = f"the body looks like {guessed.upper()} without a byte order mark; send UTF-8"
            raise RequestError(told, reason="not_unicode")
    try:
        return body.decode(name).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        told = f"the body is not {name.upper()}: byte 0x{body[error.start]:02x} at {error.start}"
        raise RequestError(told, reason="not_unicode") from error


def read(text: str, *, declared: bool) -> Any:
    """Parse a body as JSON if it is a complete object or list or `declared` so; otherwise return it as text.

    Raises:
        RequestError: The body is invalid JSON although declared as JSON, or starts like an object with a quoted key.
    """
    start = text.lstrip()
    if not declared and not start.startswith(("{", "[")):
        return text
    meant = declared or MEANT_AS_JSON.match(start)
    try:
        return loads(text)
    except (ValueError, RecursionError) as error:
        if not meant:
            return text
        if isinstance(error, RequestError):
            raise
        if isinstance(error, json.JSONDecodeError):
            told = f"the body is not valid JSON: {error.msg.removesuffix(' at')} at character {error.pos}"
        else:  # numbers of thousands of digits, lists nested a thousand deep
            told = "the body holds a number too long or lists too deep to read"
        raise RequestError(told, reason="not_json") from error


def loads(text: str) -> Any:
    """Parse strict RFC 8259 JSON.

    Raises:
        RequestError: The text has NaN, Infinity or a duplicate key.
        ValueError: The text is not JSON.
    """
    return json.loads(text, object_pairs_hook=_object, parse_constant=_constant)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise RequestError(f"the body has the key {twice[:40]!r} twice; send it once", reason="not_json")
    return made


def _constant(name: str) -> Any:
    raise RequestError(f"the body holds {name}, which is no JSON", reason="not_json")
