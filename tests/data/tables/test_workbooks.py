"""Excel workbooks: the first sheet with data, values with their types, and none that fills the memory."""

import datetime
import logging
import zipfile

import pyarrow as pa
import pytest
from openpyxl import Workbook

from sentiment.data.tables import Limits, TableOptions, announce, open_table
from sentiment.data.tables.excel import fill_merged
from sentiment.errors import DataError
from tests.data.tables.workbook import MAIN, RELATIONS, write_xlsx


def test_a_workbook_is_read_from_its_first_sheet_with_data(tmp_path):
    rows = [
        ["text", "n", "share", "when", "seen", "mixed", "yes", ""],
        ["a", 1, 0.5, datetime.date(2026, 10, 9), datetime.datetime(2026, 10, 9, 1, 30), "x", True, ""],
        ["", 2, 1, datetime.date(2026, 10, 10), "", 7, False, ""],
        ["7 days", "", 0.25, "", "", "", "", ""],
    ]
    path = write_xlsx(tmp_path / "a.xlsx", {"Empty": [], "Data": rows, "Other": [["x"], [1]]})
    table = open_table(path)
    assert table.columns == ["text", "n", "share", "when", "seen", "mixed", "yes"]
    assert table.said.endswith("read as sheet 'Data' alone, without 'Other'")
    found = [*table.rows()]
    assert [row["text"] for row in found] == ["a", "", "7 days"]
    assert [row["n"] for row in found] == [1, 2, None]
    assert [row["mixed"] for row in found] == ["x", "7", ""]
    assert (found[0]["when"], str(found[0]["seen"])) == (datetime.date(2026, 10, 9), "2026-10-09 01:30:00")
    assert pa.Table.from_pylist(found, schema=table.schema).num_rows == 3
    assert [*open_table(path, TableOptions(columns=list("abcdefg"))).rows(["a"])][0] == {"a": "text"}


def test_cells_merged_downwards_have_their_value_in_each_row(tmp_path, caplog):
    book = Workbook()
    rows = [["Report", None, None], [], ["day", "team", "text"]]
    for row in [*rows, ["1 May", "A", "a"], [None, None, "b"], [None, "B", "c"], ["2 May", None, "d"]]:
        book.active.append(row)
    for cells in ("A1:C1", "A4:A6", "B4:B5"):
        book.active.merge_cells(cells)
    book.save(tmp_path / "a.xlsx")
    table = open_table(tmp_path / "a.xlsx")
    assert table.columns == ["day", "team", "text"]
    assert [tuple(row.values()) for row in table.rows()] == [
        ("1 May", "A", "a"), ("1 May", "A", "b"), ("1 May", "B", "c"), ("2 May", "", "d"),
    ]  # fmt: skip
    assert "merged cells with their value in each row (3 cells filled)" in table.said
    with pytest.raises(DataError, match="its merged cells overlap; unmerge them"):
        fill_merged(table.reader.content, [["a"], [""], [""]], [(0, 2, 0), (0, 2, 0)])


def test_what_was_guessed_is_told_with_what_can_be_done(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    semicolons = tmp_path / "a.csv"
    semicolons.write_text("text;n\na;1\n", encoding="utf-8")
    announce([open_table(write_xlsx(tmp_path / "a.xlsx", {"Cover": [["May"]], "Data": [["text"], ["a"]]}))])
    announce([open_table(semicolons)])
    workbook, table = caplog.messages
    assert workbook.endswith(
        "without 'Data' (where that is wrong, put the sheet that is meant first, its column names on top)"
    )
    assert table.endswith("(where that is wrong, set encoding, separator or quoting)")


def with_sheet(path, rows, texts=()):
    """Write a workbook whose one sheet has these rows of XML, with shared texts."""
    write_xlsx(path, {"A": [["x"]]})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name).decode() for name in archive.namelist()}
    members["xl/worksheets/sheet1.xml"] = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    link = f'<Relationship Id="rIdT" Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    rels = "xl/_rels/workbook.xml.rels"
    members[rels] = members[rels].replace("</Relationships>", link)
    members["xl/sharedStrings.xml"] = (
        f'<sst xmlns="{MAIN}">{"".join(f"<si><t>{text}</t></si>" for text in texts)}</sst>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_text_that_a_workbook_repeats_is_refused_before_it_fills_the_memory(tmp_path):
    rows = '<row><c t="s"><v>0</v></c></row>' + '<row><c t="s"><v>1</v></c></row>' * 2_000
    path = with_sheet(tmp_path / "bomb.xlsx", rows, ["text", "x" * 100_000])
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="more than 10,000,000 characters in its cells; split it"):
        open_table(path, limits=Limits(bytes=10_000_000))
    small = with_sheet(tmp_path / "a.xlsx", '<row><c t="s"><v>0</v></c></row>' * 3, ["text"])
    assert [row["text"] for row in open_table(small, limits=Limits(bytes=10_000_000)).rows()] == ["text", "text"]


@pytest.mark.parametrize("limits", [Limits(), Limits(bytes=10_000_000)])
def test_a_cell_in_the_last_row_and_column_ends_no_process_of_ours(tmp_path, limits):
    last = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    path = with_sheet(tmp_path / "bomb.xlsx", '<row r="1"><c r="A1" t="s"><v>0</v></c></row>' + last, ["text"])
    with pytest.raises(DataError, match=r"bomb\.xlsx: its cells take more memory than there is for them"):
        open_table(path, limits=limits)


def test_a_time_at_midnight_among_times_of_a_workbook_is_a_time(tmp_path):
    path, book = tmp_path / "times.xlsx", Workbook()
    midnight, evening = datetime.datetime(2026, 1, 5), datetime.datetime(2026, 1, 5, 23, 36)
    for row in (("created", "day"), (midnight, midnight), (evening, midnight)):
        book.active.append(row)
    book.save(path)
    assert list(open_table(path).rows()) == [
        {"created": midnight, "day": midnight.date()},
        {"created": evening, "day": midnight.date()},
    ]


def test_rows_that_a_tool_wrote_above_the_column_names_are_left_out_and_said(tmp_path):
    report = [["Report:", "Mentions"], ["From:", "Mon Feb 16 2026"], ["", ""]]
    rows = [["Query Name", "full_text", "Url"], ["Acme", "fine", ""], ["Acme", "bad", "x"]]
    table = open_table(write_xlsx(tmp_path / "a.xlsx", {"Mentions": report + rows}))
    assert table.said.endswith("read as column names in row 4, without the 3 rows above them")
    assert [*table.rows()][0] == {"Query Name": "Acme", "full_text": "fine", "Url": ""}
    plain = open_table(write_xlsx(tmp_path / "b.xlsx", {"A": [["a", "b"], ["", ""], ["1", "2"]]}))
    assert (plain.columns, plain.count) == (["a", "b"], 2)
    with pytest.raises(DataError, match=r"row 2: a value beyond .*; name its column, or delete the rows above"):
        open_table(write_xlsx(tmp_path / "c.xlsx", {"A": [["Report"], ["a", "b"], ["1", "2"]]}))
