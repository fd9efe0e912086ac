"""CSV and TSV: every row as wide as the header, whatever separates, quotes and encodes it."""

import gzip

import pytest

from sentiment.data.tables import BrokenRow, TableOptions, open_table
from sentiment.errors import ConfigError, DataError

TWO = ["text", "label"]


def rows_of(path, options=None, **keys):
    return [tuple(row.values()) for row in open_table(path, options).rows(**keys)]


def written(folder, content, name="a.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


@pytest.mark.parametrize("name", ["a.csv", "A.CSV", "a.Csv.GZ"])
def test_values_stay_as_they_are_written(tmp_path, name):
    content = b'id,text\r\n001,NA\r\n002,"two, and ""three""\r\nlines"\r\n003, 1e5 \r\n'
    path = written(tmp_path, gzip.compress(content) if name.endswith("GZ") else content, name)
    assert rows_of(path) == [("001", "NA"), ("002", 'two, and "three"\r\nlines'), ("003", " 1e5 ")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_the_separator_is_guessed_and_said(tmp_path, separator, name):
    rows = [("text", "label"), ("one, two; three", "x"), ("4", "y"), ("five", "x")]
    lines = [separator.join(f'"{value}"' if separator in value else value for value in row) for row in rows]
    table = open_table(written(tmp_path, "\n".join(lines), name))
    assert table.columns == TWO
    assert [tuple(row.values()) for row in table.rows()] == rows[1:]
    usual = "," if name == "a.csv" else "\t"
    assert bool(table.said) == (separator != usual)


def test_a_line_of_excel_names_the_separator(tmp_path):
    table = open_table(written(tmp_path, "sep=;\r\ntext;label\r\nfine, I say;1\r\n"))
    assert (table.columns, [*table.rows()]) == (TWO, [{"text": "fine, I say", "label": "1"}])
    assert "as its first line says" in table.said


def test_options_win_over_guesses(tmp_path):
    path = written(tmp_path, "Ночь;1\nДень;0\n".encode("cp1251"))
    options = TableOptions(separator="semicolon", encoding="cp1251", columns=["text", "label"])
    assert rows_of(path, options) == [("Ночь", "1"), ("День", "0")]
    assert open_table(path, options).said is None


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"separator": ";;"}, "separator=;;: expected one character"),
        ({"separator": "x"}, "separator=x: expected one character"),
        ({"encoding": "utf-9"}, "encoding=utf-9: unknown"),
        ({"encoding": "zip"}, "encoding=zip: unknown"),
        ({"quoting": "single"}, "quoting=single: expected double, backslash or none"),
        ({"columns": []}, r"columns=\[\]: expected the names of all columns"),
        ({"columns": ["a", "a"]}, "columns has the name 'a' twice"),
    ],
)
def test_an_option_that_means_nothing_is_refused(keys, message):
    with pytest.raises(ConfigError, match=message):
        TableOptions(**keys)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\nfine,1,2\n", "line 2: 3 values under 2 columns; put values"),
        ("text,label\nfine,1\nbad\n", "line 3: 1 values under 2 columns"),
        ("text,label,text\n", "has the column 'text' twice"),
        ("text,,\na,,1\n", "line 2: the value '1' stands under no column name"),
        (",,text\n1,2,a\n", "2 columns without a name before 'text'"),
        ('text,label\nfine,1\n"open,2\nx,3\n', "lines 3 to 4: a quotation mark opens here that nothing closes"),
        ('text,label\n"a" b,2\n', "line 2: text after a closing quotation mark"),
        ("", "is empty; it needs a header line"),
        ("\n\n", "is empty; it needs a header line"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        rows_of(written(tmp_path, content))


SWALLOWED = [
    'text,label\ngood,positive\n"a stray mark,negative\nfine,positive\nends here ",positive\nbad,negative\n',
    'label,text\npositive,good\nnegative,"a stray mark\npositive,fine\npositive,ends here "\nnegative,bad\n',
    'id,text,label\n1,good,pos\n2,"a stray mark,neg\n3,fine,pos\n4,ends here ",pos\n5,bad,neg\n',
    'text;label\n"I say, this;neg\ngood, too;pos\nand bad";neg\n"well; quoted";pos\n',
    'id,text\n1,a\n2,"b\n3,c\n4,d"\n5,"two\nlines, really\nand three"\n6,e\n7,f\n8,g\n',
    "text,label\n" + "good,pos\nbad,neg\n" * 300 + '"open,pos\n' + "x,neg\n" * 40 + 'close",neg\n',
]


@pytest.mark.parametrize("content", SWALLOWED)
def test_rows_between_two_stray_quotation_marks_are_never_swallowed(tmp_path, content):
    path = written(tmp_path, content)
    with pytest.raises(DataError, match=r"lines \d+ to \d+: a quotation mark opens in one row and closes in another"):
        rows_of(path)
    if "well; quoted" not in content and "two\nlines" not in content:
        assert len(rows_of(path, TableOptions(quoting="none"))) == content.count("\n") - 1


@pytest.mark.parametrize(
    "content",
    [
        'text,label\n"I came, I saw\nI left",pos\n"one\n\ntwo, three",neg\n',
        'text,label\n"first, second\nthird, fourth",pos\n',
        'id,text,label\n1,"a, b, c\nd, e, f\n",pos\n2,x,neg\n',
        'text,label\n"a recipe:\nsalt,pepper\nhot,cold\nend",pos\nx,neg\ny,pos\nz,neg\n',
    ],
)
def test_real_line_breaks_in_cells_are_kept(tmp_path, content):
    assert all("\n" in row[-2] for row in rows_of(written(tmp_path, content))[:1])


def test_a_tsv_file_of_most_tools_has_no_quoting(tmp_path):
    path = written(tmp_path, 'text\tlabel\n"open\t1\nplain\t0\nclose "\t1\nhe said "hi"\t0\n', "a.tsv")
    table = open_table(path)
    assert [row["text"] for row in table.rows()] == ['"open', "plain", 'close "', 'he said "hi"']
    assert table.said.endswith("read as UTF-8, quotation marks kept as part of the texts")


def test_a_tsv_file_of_pandas_is_quoted(tmp_path):
    path = written(tmp_path, 'text\tlabel\n"he said ""hi"""\t1\n"two\nlines"\t0\n', "a.tsv")
    assert rows_of(path) == [('he said "hi"', "1"), ("two\nlines", "0")]


def test_a_bare_carriage_return_is_part_of_its_text(tmp_path):
    assert rows_of(written(tmp_path, 'text,label\r\none\rtwo,1\r\n"three\rfour",0\r\n')) == [
        ("one\rtwo", "1"),
        ("three\rfour", "0"),
    ]


def test_line_ends_that_were_translated_twice_are_line_ends(tmp_path):
    table = open_table(written(tmp_path, "text,label\r\r\none,1\r\r\ntwo,0\r\r\n"))
    assert (table.columns, [*table.rows()][0]) == (TWO, {"text": "one", "label": "1"})


def test_lines_of_an_old_mac_are_parted(tmp_path):
    assert rows_of(written(tmp_path, 'text,label\rone,1\r"a ""b""",0\r')) == [("one", "1"), ('a "b"', "0")]


def test_a_blank_line_of_one_column_is_an_empty_text(tmp_path):
    assert rows_of(written(tmp_path, "text\none\n\ntwo\n\n\n")) == [("one",), ("",), ("two",)]
    assert rows_of(written(tmp_path, "\ntext,label\none,1\n\ntwo,0\n\n\n")) == [("one", "1"), ("two", "0")]


def test_separators_at_the_end_of_every_line_add_no_column(tmp_path):
    table = open_table(written(tmp_path, "text;label;;\none;1;;\n"))
    assert [*table.rows()] == [{"text": "one", "label": "1"}]


def test_an_index_without_a_name_stays(tmp_path):
    assert open_table(written(tmp_path, ",Text , label\n0,a,b\n")).columns == ["", "Text", "label"]


def test_backslashes_before_quotation_marks_can_be_told(tmp_path):
    path = written(tmp_path, 'text,label\n"he said \\"hi\\", twice",1\n')
    with pytest.raises(DataError, match="quoting=none or backslash"):
        rows_of(path)
    assert rows_of(path, TableOptions(quoting="backslash")) == [('he said "hi", twice', "1")]


def test_broken_lines_can_be_kept_with_their_reasons(tmp_path):
    rows = [*open_table(written(tmp_path, 'id,text\n1,a\n2,b,c\n3\n4,"d" e\n5,f\n')).rows(broken="keep")]
    assert [row["text"] for row in rows] == ["a", "", "", "", "f"]
    assert [row.reason for row in rows if isinstance(row, BrokenRow)] == [
        "line 3: 3 values under 2 columns",
        "line 4: 1 values under 2 columns",
        "line 5: text after a closing quotation mark (',' expected after '\"')",
    ]


def test_one_ragged_line_among_many_turns_no_separator(tmp_path):
    content = "id;text\n" + "".join(f"{i};a day, fine, or not\n" for i in range(99)) + "99;a; b\n"
    table = open_table(written(tmp_path, content))
    assert table.columns == ["id", "text"]
    with pytest.raises(DataError, match="line 101: 3 values under 2 columns"):
        table.survey()


REPORT = "Report:,Mentions\nFrom:,Mon Feb 16 2026\n,\n\n"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_lines_that_a_tool_wrote_above_the_column_names_are_left_out_and_said(tmp_path, separator):
    more = "".join(f"{i},more,x\n" for i in range(10))
    lines = f'{REPORT}id,text,label\n1,"so, so",x\n2,fine,y\n3,"two\nlines",x\n4,bad\n{more}'.replace(",", separator)
    table = open_table(written(tmp_path, lines))
    assert table.columns == ["id", *TWO]
    assert "column names in line 5, without the 4 lines above them" in table.said
    with pytest.raises(DataError, match=r"a\.csv, line 10: 2 values under 3 columns"):
        [*table.rows()]
    rows = [*table.rows(broken="keep")]
    assert [row["text"] for row in rows][:4] == [f"so{separator} so", "fine", "two\nlines", ""]


@pytest.mark.parametrize(
    "content",
    [
        "id,text\n\n1,a; b; c\n2,d; e; f\n",  # an empty line below the names, and a separator within the texts
        "text\n\nso; so; so\nwell; well; well\n",
        "text\n\n,\n\n",
        "text,label\n1,2\n\n3,4\n",
    ],
)
def test_an_empty_line_alone_is_no_sign_of_lines_above_the_column_names(tmp_path, content):
    table = open_table(written(tmp_path, content))
    assert table.columns == content.partition("\n")[0].split(",")


@pytest.mark.parametrize(
    ("content", "rows", "said"),
    [
        ('label, text\ngood, "fine, really"\nbad, "no ""go"""\n', [("good", "fine, really"), ("bad", 'no "go"')], True),
        ('label;text\ngood; "fine; really"\nbad; "no"\n', [("good", "fine; really"), ("bad", "no")], True),
        ('label,text\ngood,"He said, ""no"", so"\nbad,no\n', [("good", 'He said, "no", so'), ("bad", "no")], False),
        ("label, text\ngood, fine\nbad, no\n", [("good", " fine"), ("bad", " no")], False),
    ],
    ids=["names too", "semicolons", "within a text", "no marks"],
)
def test_blanks_before_quotation_marks_belong_to_no_value(content, rows, said, tmp_path):
    path = written(tmp_path, content)
    assert rows_of(path) == rows
    assert ("blanks before quotation marks left out" in open_table(path).guesses) == said
