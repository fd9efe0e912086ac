"""The body of a request, read as what it is: JSON where it holds an object or a list, else a text.

A browser's `fetch` calls JSON text/plain, and curl calls it a form, so the declared type decides in one case alone:
what is declared as JSON must be JSON.
"""

import codecs
import json
import re
from collections.abc import Mapping
from typing import Any

from sentiment.errors import RequestError

MAX_FIELDS = 16  # of one form that are kept
TOO_MANY_FIELDS = "\0more fields"  # the name of one more, where a form has more; no form can name one so
MAX_FORM_BYTES = 16_384  # TorchServe's front end makes objects of all fields before anybody can refuse them
NO_BODY = (  # TorchServe takes a body without a content type for a form
    'the request has no text; send {"text": "..."} with the header Content-Type: application/json, '
    'a plain text as text/plain, or a form with the field "data"'
)
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32")) + (
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
FORM = ("application/x-www-form-urlencoded", "multipart/")
JSON_TYPE = re.compile(r"(?:application|text)/(?:[\w.+-]+\+)?json")
MEANT_AS_JSON = re.compile(r"""\{\s*["']""")  # a quoted key: no text begins so
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def decode(row: Mapping[str, Any], headers: Mapping[str, Any]) -> Any:
    """Decode one row of TorchServe: an object, a list or another value of JSON, or a text.

    Raises RequestError where there is no body, or one that is neither JSON nor a text.
    """
    kind = header(headers, "content-type").partition(";")[0].strip().lower()
    if kind.startswith(FORM):
        check_form(row, headers)
    given = [name for name in ("body", "data") if name in row]
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
    """Return the value of a header, whatever its letters' case; a form field of that name is none."""
    return next((v for key, v in headers.items() if key.lower() == name and isinstance(v, str)), "")


def check_form(row: Mapping[str, Any], headers: Mapping[str, Any]) -> None:
    """Refuse a form that is longer or has more fields than a text in one takes."""
    told = "send the text as JSON or as text/plain"
    if TOO_MANY_FIELDS in row:
        raise RequestError(f"a form of more than {MAX_FIELDS} fields; {told}", status=413, reason="too_many")
    length = header(headers, "content-length")
    if length.isdecimal() and len(length) < 20 and int(length) > MAX_FORM_BYTES:
        message = f"a form of {int(length):,} bytes; send at most {MAX_FORM_BYTES:,}, or {told}"
        raise RequestError(message, status=413, reason="too_long")


def text_of(body: bytes, encoding: str) -> str:
    """Decode bytes as UTF-8, or as what their byte order mark says; JSON in UTF-16 is told without one too."""
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
    """Read JSON, which a text is taken for where it holds a whole object or list; else return the text.

    A text that begins like an object with a quoted key was meant as JSON, and is refused where it is none.
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
            told = f"the body is not valid JSON: {error.msg} at character {error.pos}"
        else:  # a number of thousands of digits, lists a thousand deep
            told = "the body holds a number too long or lists too deep to read"
        raise RequestError(told, reason="not_json") from error


def loads(text: str) -> Any:
    """Parse JSON as RFC 8259 has it: no NaN and no Infinity, and each key of an object once."""
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
