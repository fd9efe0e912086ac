"""The encoding of CSV files: guessed and said, or refused until it is named."""

import pytest

from sentiment.data.tables import open_table
from sentiment.errors import DataError
from tests.data.tables.test_delimited import rows_of, written


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-8", None), ("utf-8-sig", None), ("cp1252", "cp1252"), ("utf-16", "UTF-16"), ("utf-32", "UTF-32")],
)
def test_the_encoding_is_guessed_and_said(tmp_path, encoding, said):
    path = written(tmp_path, "text,label\n" + "plain,1\n" * 200_000 + "café,0\n", encoding=encoding)
    table = open_table(path)
    assert [*table.rows()][-1] == {"text": "café", "label": "0"}
    assert table.said == (said and f"{path}: read as {said}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("текст,метка\nхорошо,1\n".encode("cp1251"), "neither UTF-8 nor cp1252; name its encoding"),
        ("text\n" + "é" * 50 + "\n", None),
        (b"text\n" + "é\n".encode() * 50 + b"caf\xe9\n", r"line 52: not UTF-8 \(byte 0xe9 at column 4\)"),
        (
            "text,label\na,b\n".encode("utf-16-le"),
            r"line 1: a NUL byte; .* UTF-16 without its mark \(encoding=utf-16-le\)",
        ),
        ("text,label\na,b\n".encode("utf-16-be"), r"line 1: a NUL byte; .* without its mark \(encoding=utf-16-be\)"),
        (b"text\nfine\nb\0d\n", "line 3: a NUL byte"),
    ],
)
def test_another_encoding_is_refused_until_it_is_named(tmp_path, content, message):
    path = written(tmp_path, content)
    if message is None:
        assert len(rows_of(path)) == 1
    else:
        with pytest.raises(DataError, match=message):
            rows_of(path)
