"""The numbers in the documents are those of the code, of benchmarks/RESULTS.md, and of their own arithmetic."""

import re

import pytest

from sentiment.batch import excel
from sentiment.client import address, exchange
from sentiment.config.compose import compose
from sentiment.evaluation import bootstrap, calibration
from sentiment.inference import fidelity, preprocessing
from sentiment.protocol import bodies, validation
from sentiment.serving import watch
from sentiment.training import selection
from tests.conftest import ROOT
from tests.docs.blocks import PAGES
from tests.docs.spans import FENCE

SITE = ROOT / "docs" / "pages"
RESULTS = (ROOT / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")


def rows(split):
    return len((ROOT / "data" / "demo" / f"{split}.csv").read_text(encoding="utf-8").splitlines()) - 1


def phrases():
    """Yield each page with a number as it writes it, the value taken from where it is set."""
    serve, package, train = compose("serve"), compose("package"), compose("train")
    yield "explanation/choices.md", f"p < {selection.SIGNIFICANCE} / k"
    yield "explanation/choices.md", f"between {calibration.COLDEST} and {calibration.HOTTEST:g}"
    yield "explanation/choices.md", f"percentile bootstrap, {bootstrap.RESAMPLES:,} resamples"
    yield "explanation/choices.md", f"at most {fidelity.MAX_LOSS:g} a text"
    yield "explanation/choices.md", f"at most {fidelity.MAX_RMS:g} apart"
    yield "explanation/choices.md", f"margin above {fidelity.MAX_MARGIN:g}"
    yield "how-to/client.md", f"at most {address.MAX_BYTES / 1e6:g} MB"
    yield "how-to/client.md", "`pauses` ({}, {}, {:g} and {:g} s)".format(*exchange.PAUSES)
    yield "how-to/batch.md", f"{excel.MOST_UNITS:,} characters"
    yield "how-to/batch.md", f"{excel.MOST_ROWS - 1:,} rows"
    yield "how-to/operate.md", f"`drain_seconds={serve.drain_seconds}`"
    yield "how-to/operate.md", f"`response_timeout` of `sentiment package` ({package.response_timeout} s)"
    yield "how-to/operate.md", f"more than {preprocessing.MAX_MARKS} combining marks"
    yield (
        "how-to/operate.md",
        f"after {watch.STOPPED_LOOKS} s where a signal has stopped it, after {watch.STILL_LOOKS} s",
    )
    yield "how-to/own-data.md", f"{rows('train'):,} / {rows('validation')} / {rows('test')} short tweets"
    yield "how-to/own-data.md", f"A {'tenth' if train.data.validation_fraction == 0.1 else '?'} of the training rows"
    yield "how-to/train.md", f"the default {train.model.attention_dropout} trains faster"
    yield "../openapi.yaml", f"{validation.MAX_CHARACTERS:,} characters, or more than {validation.MAX_TEXTS:,} texts"
    yield "../openapi.yaml", f"{bodies.MAX_FORM_BYTES:,} bytes and {bodies.MAX_FIELDS} fields"
    yield "../openapi.yaml", f"more than {validation.MAX_EXPLAINED} texts to explain"


def test_a_number_of_a_page_is_the_one_that_is_set():
    text = {page: " ".join((SITE / page).read_text(encoding="utf-8").split()) for page, _ in phrases()}
    assert [(page, phrase) for page, phrase in phrases() if phrase not in text[page]] == []


def test_a_score_beside_the_name_of_the_results_is_in_them():
    sections = [
        part for page in PAGES for part in re.split(r"^#+ ", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    ]
    scores = [score for part in sections if "RESULTS.md" in part for score in re.findall(r"\b0\.\d{3,4}\b", part)]
    assert len(scores) > 3
    assert [score for score in scores if score not in RESULTS] == []


def test_a_figure_of_the_plan_with_a_star_is_one_of_the_results():
    text = (SITE / "explanation" / "scaling.md").read_text(encoding="utf-8")
    cells = [line.split("|")[2] for line in text.splitlines() if re.match(r"\| [^|]* \* \|", line)]
    figures = [figure for cell in cells for figure in re.findall(r"\d[\d,.]*", cell)]
    assert len(figures) > 5
    known = {number.rstrip(".,") for number in re.findall(r"\d[\d,.]*", RESULTS)}
    rounded = {f"{float(number.replace(',', '')):.0f}" for number in known if re.fullmatch(r"[\d,]*\.?\d+", number)}
    assert [figure for figure in figures if figure not in known and figure.replace(",", "") not in rounded] == []


def test_the_arithmetic_of_the_plan_is_right():
    text = (SITE / "explanation" / "scaling.md").read_text(encoding="utf-8")
    lines = [line for kind, block in FENCE.findall(text) if not kind for line in block.splitlines()]
    checked = 0
    for line in lines:
        left, equals, right = re.sub(r"^.*?\s{2,}", "", line).partition("=")
        parts = re.findall(r"\d[\d,.]*| / | x ", left)
        if not equals or len(parts) < 3:
            continue
        value = eval("".join(parts).replace(",", "").replace("x", "*"))  # noqa: S307 (digits and two operators)
        stated = re.search(r"\d[\d,.]*", right)[0].rstrip(".,")
        assert value == pytest.approx(float(stated.replace(",", "")), rel=0.06), line
        checked += 1
    assert checked > 5
