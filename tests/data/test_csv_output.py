import csv
import io

import pytest

from sentiment.data.csv_output import csv_text, write_csv

VALUES = ["a\rb", "\r", "a\r\nb", "a\nb", 'say "no"', "a,b", "a;b\tc", "", " ", "é\u2028\x85\x0c", "'", None, 1.5]


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_every_value_is_read_again_as_it_was_written(delimiter):
    rows = [[value, "x"] for value in VALUES] + [["x", value] for value in VALUES]
    for written in (rows, [[value] for value in VALUES]):  # an only column: an empty value is no blank line
        text = csv_text(written, delimiter=delimiter)
        assert text.count("\n") == len(written) + sum(str(v).count("\n") for row in written for v in row)
        found = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        assert found == [["" if value is None else str(value) for value in row] for row in written]


def test_half_of_a_surrogate_pair_is_written_as_the_replacement_character(tmp_path):
    write_csv(tmp_path / "a.csv", [["text", "n"], ["a\ud83d", 1]])
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == "text,n\na\ufffd,1\n"
