"""A body is read as what it is, whatever it is declared as."""

import gzip
import json

import pytest

from sentiment.errors import RequestError
from sentiment.protocol.bodies import MAX_FIELDS, MAX_FORM_BYTES, TOO_MANY_FIELDS, decode, header

JSON, PLAIN, BYTES, NONE = "application/json", "text/plain", "application/octet-stream", ""
OBJECT = {"text": "what a day"}
SENT = json.dumps(OBJECT).encode()
TWICE = b'{"text": "good", "text": "bad"}'


def read(body, kind=NONE, name="body", **headers):
    return decode({name: bytearray(body)}, {"Content-Type": kind, **headers})


@pytest.mark.parametrize(
    "kind", [JSON, "application/json; charset=utf-8", PLAIN, "text/plain;charset=UTF-8", BYTES, NONE]
)
@pytest.mark.parametrize(
    "body",
    [
        SENT,
        b"\xef\xbb\xbf" + SENT,
        b" \r\n\t" + SENT + b"\n",
        b"\xef\xbb\xbf\n" + SENT,
        SENT.decode().encode("utf-16"),
        SENT.decode().encode("utf-16-le"),
        SENT.decode().encode("utf-16-be"),
        SENT.decode().encode("utf-32"),
    ],
    ids=["plain", "bom", "whitespace", "bom and line", "utf-16", "utf-16-le", "utf-16-be", "utf-32"],
)
def test_json_is_json_whatever_it_is_called(body, kind):
    assert read(body, kind) == OBJECT


@pytest.mark.parametrize("kind", [PLAIN, BYTES, NONE])
@pytest.mark.parametrize(
    "text",
    [
        "what a day",
        "[great] film",
        "{not json",
        "{spoiler} good",
        "[",
        "{",
        "null",
        "3",
        "true",
        '"quoted"',
        "[1, 2",
        "NaN",
    ],
)
def test_a_text_is_a_text(text, kind):
    assert read(text.encode(), kind) == text
    assert read(b"\xef\xbb\xbf" + text.encode(), kind) == text
    assert read(text.encode("utf-16"), kind) == text


@pytest.mark.parametrize(("body", "value"), [(b'"quoted"', "quoted"), (b"null", None), (b"3", 3), (b"[]", [])])
def test_what_is_declared_as_json_is_read_as_json(body, value):
    assert read(body, JSON) == value
    assert read(body, "application/ld+json") == value


@pytest.mark.parametrize("kind", [JSON, PLAIN, BYTES])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"text": ', "not valid JSON: Expecting value at character 9"),
        (b'{"text": "a\nb"}', "not valid JSON: Invalid control character at character 11"),
        (b"{'text': 'what a day'}", "not valid JSON: Expecting property name"),
        (b'{"text": "a"} and more', "not valid JSON: Extra data"),
        (TWICE, "the key 'text' twice"),
        (b'{"instances": [' + TWICE + b"]}", "the key 'text' twice"),
        (b'{"text": NaN}', "holds NaN, which is no JSON"),
        (b'{"text": "a", "b": -Infinity}', "holds -Infinity, which is no JSON"),
        (b'{"text": ' + b"1" * 5_000 + b"}", "a number too long"),
        (b'{"text": ' + b"[" * 100_000, "lists too deep"),
        (b'{"text": "caf\xe9"}', "not UTF-8: byte 0xe9 at 13"),
        (gzip.compress(SENT, mtime=0), "the body is compressed"),
    ],
)
def test_what_was_meant_as_json_and_is_none_is_refused(body, message, kind):
    with pytest.raises(RequestError, match=message) as caught:
        read(body, kind)
    assert caught.value.status == 400


def test_what_is_declared_as_json_and_is_none_is_refused():
    with pytest.raises(RequestError, match="not valid JSON"):
        read(b"what a day", JSON)


def test_utf_16_that_is_no_json_is_not_guessed_at():
    with pytest.raises(RequestError, match="looks like UTF-16-LE without a byte order mark"):
        read("what a day".encode("utf-16-le"), PLAIN)


def test_a_declared_compression_is_refused():
    with pytest.raises(RequestError, match="compressed"):
        read(b"\x8b\x07", PLAIN, **{"content-encoding": "br"})


def test_a_form_field_is_read_by_the_same_rule():
    form = "application/x-www-form-urlencoded"
    assert read(b"what a day", form, name="data") == "what a day"
    assert read(SENT, "multipart/form-data; boundary=x", name="data") == OBJECT
    with pytest.raises(RequestError, match="Content-Type: application/json"):
        read(b"", form, name=SENT.decode())


MULTIPART = "multipart/form-data; boundary=x"
PARTS = b"--x\r\nContent-Disposition: form-data; name=data; filename=a.txt\r\n\r\n%s\r\n--x--\r\n"


@pytest.mark.parametrize(
    ("body", "kind", "value"),
    [
        (b"data=what+a%20day", "application/x-www-form-urlencoded", "what a day"),
        (b"data=caf%C3%A9", "application/x-www-form-urlencoded; charset=UTF-8", "caf\u00e9"),
        (SENT, "application/x-www-form-urlencoded", OBJECT),  # curl -d
        (PARTS % "caf\u00e9\r\nau lait".encode(), MULTIPART, "caf\u00e9\r\nau lait"),
        (PARTS % SENT, MULTIPART, OBJECT),
        (b"body=data%3Dx", "application/x-www-form-urlencoded", "data=x"),
    ],
)
def test_a_form_as_it_came_is_read(body, kind, value):
    assert read(body, kind, **{"content-length": str(len(body))}) == value


@pytest.mark.parametrize(
    ("body", "kind", "reason"),
    [
        (b"&".join(b"%d=" % i for i in range(MAX_FIELDS)) + b"&data=x", "application/x-www-form-urlencoded", None),
        (b"".join(PARTS[:-8] % b"x" for _ in range(3)), "multipart/form-data", "no_text"),  # no boundary
        (b"what a day", "application/x-www-form-urlencoded", "no_text"),
        (PARTS % b"\xff", MULTIPART, "not_unicode"),
        (b"--x\r\nContent-Disposition: form-data; name=" + b"(" * 16_000, MULTIPART, "no_text"),
        (
            b"".join(b"--%d\r\nContent-Type: multipart/mixed; boundary=%d\r\n\r\n" % (i, i + 1) for i in range(250)),
            "multipart/form-data; boundary=0",
            "no_text",
        ),
    ],
)
def test_a_form_as_it_came_that_holds_no_text_is_refused(body, kind, reason):
    with pytest.raises(RequestError) as caught:
        read(body, kind, **{"content-length": str(len(body))})
    assert (caught.value.status, caught.value.reason) == ((400, reason) if reason else (413, "too_many"))


def test_a_field_of_a_form_that_torchserve_read_is_not_read_twice():
    headers = {"content-type": "application/x-www-form-urlencoded", "content-length": "13"}
    assert decode({"body": b"data=x"}, headers) == "data=x"


def test_two_texts_in_one_request_are_refused():
    with pytest.raises(RequestError, match='two texts, in "body" and in "data"'):
        decode({"data": b"good", "body": b"bad"}, {"content-type": "multipart/x"})


@pytest.mark.parametrize(
    ("row", "kind", "message"),
    [
        ({"body": SENT, "details": "true"}, JSON, 'the query parameter "details" does nothing; send it in the body'),
        ({"body": b"", "data": "what a day"}, NONE, 'the query parameter "data" does nothing'),
        ({"treshold": "0.3", TOO_MANY_FIELDS: b"", "body": SENT}, PLAIN, 'the query parameter "treshold"'),
        ({"body": b"data=a+day", "x": "1"}, "application/x-www-form-urlencoded", 'the query parameter "x"'),
        ({"body": SENT, "x": "1"}, "application/x-www-form-urlencoded", 'the query parameter "x"'),  # curl -d
        ({"body": b"data=a&details=true"}, "application/x-www-form-urlencoded", 'not the field "details"; send both'),
        ({"data": b"a day", "details": b"true"}, "multipart/x", 'not the field "details"; send both'),  # read by Java
    ],
)
def test_what_stands_beside_a_body_is_not_ignored(row, kind, message):
    with pytest.raises(RequestError, match=message) as caught:
        decode(row, {"content-type": kind, "content-length": str(len(row.get("body", b"")))})
    assert caught.value.status == 400


def test_a_large_form_is_refused():
    headers = {"content-type": "application/x-www-form-urlencoded", "Content-Length": str(MAX_FORM_BYTES + 1)}
    with pytest.raises(
        RequestError, match="a form of 16,385 bytes; send at most 16,384, or send the text as JSON"
    ) as caught:
        decode({"data": b"good film"}, headers)
    assert caught.value.status == 413
    with pytest.raises(RequestError, match=f"more than {MAX_FIELDS} fields"):
        decode({**{str(i): b"" for i in range(MAX_FIELDS)}, TOO_MANY_FIELDS: b""}, {"content-type": "multipart/x"})


def test_a_form_field_that_is_named_like_a_header_is_none():
    assert header({"content-type": {"content-type": "text/plain"}}, "content-type") == ""
