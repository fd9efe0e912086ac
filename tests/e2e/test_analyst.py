"""An analyst's way from an Excel export to labels, charts and files, by clicks alone."""

import datetime as dt
import re
import struct
from pathlib import Path

import openpyxl
import pytest

from tests.e2e.pages import browser, needs_chromium, opened, serving  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.e2e, needs_chromium]

REPORT = [["Report:", "Mentions"], ["From:", "Mon Feb 16 2026"], []]
NAMES = ["Query Name", "Date", "Author", "Tweet Id", "full_text", "Url", "Followers"]
TEXTS = ("good film", "bad film\n\nin three lines", "=HYPERLINK(1)", "@you good day", "good, bad; both")
ROWS = 15_000


@pytest.fixture(scope="module")
def url(quick_run, tmp_path_factory):
    with serving(tmp_path_factory.mktemp("page"), "engine=local", f"run={quick_run}", "feedback=null") as address:
        yield address


def export(path, count, *, days=9):
    """A workbook as tools that collect mentions write it, with lines above the column names."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Mentions")
    for row in REPORT:
        sheet.append(row)
    sheet.append(NAMES)
    for i in range(count):
        text = openpyxl.cell.WriteOnlyCell(sheet, f"{TEXTS[i % len(TEXTS)]} {i}")
        text.data_type = "s"  # no formula, as such a tool writes it
        day = dt.datetime(2026, 2, 16, 9) + dt.timedelta(days=i * days // count)
        sheet.append([("North", "South")[i % 2], day, f"user{i}", str(567 * 10**15 + i), text, "http://x.example", i])
    book.save(path)
    return path


class Hand:
    """Clicks, and counts its clicks."""

    def __init__(self, tab):
        self.tab, self.clicks = tab, 0

    @property
    def panel(self):
        return self.tab.locator("[role=tabpanel]:visible")

    def click(self, target):
        target.click()
        self.clicks += 1

    def upload(self, tab, path, told):
        self.click(self.tab.get_by_role("tab", name=tab))
        with self.tab.expect_file_chooser() as chooser:
            self.click(self.panel.locator(".boxed button").first)
        chooser.value.set_files(path)
        self.clicks += 1  # the file in the dialog
        self.panel.get_by_text(told).wait_for()

    def save(self, button, folder):
        with self.tab.expect_download() as download:
            self.click(button)
        download.value.save_as(folder / download.value.suggested_filename)
        return folder / download.value.suggested_filename


@pytest.fixture
def hand(browser, url):  # noqa: F811
    with opened(browser, url) as tab:
        tab.locator(".status.up").wait_for()
        yield Hand(tab)


def test_five_clicks_lead_from_an_export_to_a_workbook_with_labels(hand, tmp_path):
    hand.upload("File", export(tmp_path / "mentions.xlsx", 40), "The texts seem to be in “full_text”")
    assert "column names in row 4, without the 3 rows above them" in hand.panel.inner_text()
    hand.click(hand.panel.get_by_role("button", name="Predict"))
    path = hand.save(hand.panel.get_by_role("button", name="Download Excel"), tmp_path)
    assert (path.name, hand.clicks) == ("mentions-predicted.xlsx", 5)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["predictions", "summary"]
    first, *rows = book["predictions"].iter_rows()
    columns = {cell.value: i for i, cell in enumerate(first)}
    assert [*columns][: len(NAMES) + 1] == [*NAMES, "prediction"]
    assert [row[columns["Tweet Id"]].value for row in rows] == [str(567 * 10**15 + i) for i in range(40)]
    texts = [row[columns["full_text"]] for row in rows]
    assert [cell.value for cell in texts] == [f"{TEXTS[i % len(TEXTS)]} {i}" for i in range(40)]
    assert {cell.data_type for cell in texts} == {"s"}  # none is a formula
    assert {row[columns["prediction"]].value for row in rows} <= {"negative", "positive"}


def test_six_clicks_lead_from_an_export_to_a_chart_and_the_page(hand, tmp_path):
    hand.upload("Trends", export(tmp_path / "mentions.xlsx", 360), "The columns seem to be these")
    shown = [hand.panel.get_by_label(name, exact=True).input_value() for name in ("Texts", "Time", "Group", "Period")]
    assert shown == ["full_text", "Date", "Query Name", "day"]
    hand.click(hand.panel.get_by_role("button", name="Show trends"))
    chart = hand.save(hand.panel.get_by_role("button", name="Save the chart of North as PNG"), tmp_path)
    assert struct.unpack(">II", chart.read_bytes()[16:24])[0] == 920
    page = hand.save(hand.panel.get_by_role("button", name="Download Page"), tmp_path)
    assert (page.name, hand.clicks) == ("monitor.html", 6)
    assert "Shares by Query Name" in page.read_text(encoding="utf-8")
    hand.click(hand.panel.get_by_label("Period", exact=True))
    hand.click(hand.tab.get_by_role("option", name="week"))
    hand.click(hand.panel.get_by_role("button", name="Show trends"))
    table = hand.save(hand.panel.get_by_role("button", name="Download Excel"), tmp_path)
    periods = {row[0] for row in openpyxl.load_workbook(table)["shares"].iter_rows(min_row=2, values_only=True)}
    assert periods == {"2026-02-16", "2026-02-23"}


def test_the_bar_moves_while_15_000_rows_become_trends(hand, tmp_path):
    hand.upload("Trends", export(tmp_path / "mentions.xlsx", ROWS), f"{ROWS:,} rows.")
    hand.tab.evaluate(
        """() => {
          window.seen = [];
          new MutationObserver(() => {
            const found = document.querySelector('.progress-level-inner')?.innerText;
            if (found && seen.at(-1) !== found) seen.push(found);
          }).observe(document.body, {subtree: true, childList: true, characterData: true});
        }"""
    )
    hand.click(hand.panel.get_by_role("button", name="Show trends"))
    hand.panel.locator("#trends figure svg").first.wait_for(timeout=1_200_000)
    done = [float(part[1]) for one in hand.tab.evaluate("seen") if (part := re.search(r"texts - ([\d.]+)%", one))]
    assert done == sorted(done)
    assert len(set(done)) >= 10
    assert hand.clicks == 4
    assert Path(hand.save(hand.panel.get_by_role("button", name="Download CSV"), tmp_path)).stat().st_size > 1000
