"""The page holds the computed numbers, and nothing from outside."""

import re
from html.parser import HTMLParser

import pytest
import torch

from sentiment.data.splits import Split
from sentiment.evaluation.report.page import write_report
from sentiment.evaluation.results import Results
from sentiment.evaluation.scoring import Evaluation
from sentiment.files import write_json
from tests.conftest import read_json
from tests.results import LABELS, made_up


class Page(HTMLParser):
    """Rows of all tables, text, attributes and ids of a page."""

    def __init__(self, html):
        super().__init__()
        self.rows, self.text, self.attributes, self.open = [], "", [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, name, value) for name, value in attributes]
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        if self.open and self.open[-1] in ("style", "script"):
            return
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def row(self, name):
        return next(row[1:] for row in self.rows if row and row[0] == name)


def page_of(results, folder, **options):
    write_report(folder / "report", results, run=folder, **options)
    return Page((folder / "report" / "report.html").read_text(encoding="utf-8"))


def test_the_scores_and_their_intervals_stand_beside_the_baseline(tmp_path):
    results = made_up()
    page = page_of(results, tmp_path)
    model, baseline = results.evaluations["test"], results.baseline["test"]
    for name, shown in {
        "accuracy": "accuracy",
        "f1": "macro F1",
        "auroc": "AUROC",
        "recall/joy": "recall, joy",
    }.items():
        for cell, found in zip(page.row(shown), (model, baseline), strict=True):
            low, high = found.intervals[name]
            assert cell.split() == [f"{found.scores[name]:.4f}", f"{low:.3f}", "–", f"{high:.3f}"]
    assert f"the right label to {100 * model.scores['accuracy']:.1f} %" in page.text
    assert f"ahead by {100 * baseline.lead:.1f} points" in page.text


def test_the_confusion_matrix_and_the_errors_are_those_of_the_answers(tmp_path):
    results = made_up()
    page = page_of(results, tmp_path)
    result = results.evaluations["test"]
    for label, counts in zip(LABELS, result.confusion, strict=True):
        shares = [f"{count}{100 * count / sum(counts):.1f} %" for count in counts]
        assert page.row(label) == shares
    wrong = (result.predicted != result.targets).nonzero().flatten()
    worst = wrong[result.probabilities[wrong].max(dim=-1).values.argmax()].item()
    assert result.split.texts[worst].strip() in page.text
    assert f"called {result.labels[result.predicted[worst]]} with probability" in page.text


def test_many_labels_are_folded_away_and_their_matrix_is_a_list_of_pairs(tmp_path):
    labels = [f"topic {i}" for i in range(30)]
    results = made_up(labels=labels)
    page = page_of(results, tmp_path)
    result = results.evaluations["test"]
    assert "tell topic 0, topic 1, topic 2, topic 3, topic 4, topic 5 and 24 more apart" in page.text
    assert "Confusion matrix" not in page.text
    counts = {
        (label, given): result.confusion[i][j]
        for i, label in enumerate(labels)
        for j, given in enumerate(labels)
        if i != j
    }
    shown = [row for row in page.rows if len(row) == 4 and row[0] in labels]
    assert shown
    assert [int(row[2]) for row in shown] == sorted(counts.values(), reverse=True)[: len(shown)]
    assert all(int(row[2]) == counts[row[0], row[1]] for row in shown)
    assert page.row("recall, topic 7")


def test_the_page_loads_nothing_and_its_figures_are_described(tmp_path):
    page = page_of(made_up(), tmp_path)
    for tag, name, value in page.attributes:
        if name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
            assert value.startswith("#"), (tag, name, value)
    html = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\((?!#)|<script|<link|<img|<iframe", html)
    assert sum(tag == "svg" and name == "aria-label" and bool(value) for tag, name, value in page.attributes) == 4
    ids = [value for _, name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_figures_lie_beside_the_page_too(tmp_path):
    page_of(made_up(), tmp_path)
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names == {"report.html", "roc.svg", "precision_recall.svg", "reliability.svg", "length.svg"}


def test_texts_and_labels_are_shown_and_never_run(tmp_path):
    evil = '<script>alert(1)</script> & "so" $x_1$ ' + "w" * 500
    results = made_up(labels=["<b>", 'a"b$c'], texts=[evil] * 300)
    page = page_of(results, tmp_path)
    assert '<script>alert(1)</script> & "so" $x_1$' in page.text
    assert not [tag for tag, *_ in page.attributes if tag == "script"]
    assert page.row("<b>")
    assert "w" * 500 not in page.text


def test_a_split_that_is_all_of_one_label_and_all_right_has_a_page(tmp_path):
    result = Evaluation(["a", "b"], Split(["one", "two"], ["b", "b"]), torch.tensor([[0.1, 0.9], [0.2, 0.8]]))
    page = page_of(Results({"test": result}), tmp_path)
    assert "There are none: every text got its label." in page.text
    assert "2 texts are few" in page.text
    assert "No temperature was fitted" in page.text
    assert page.row("accuracy")[0].startswith("1.0000")


def test_a_difference_that_chance_explains_is_called_so(tmp_path):
    results = made_up(rows=300)
    own = results.evaluations["test"]
    low, high = -0.02, 0.03
    same = type(results.baseline["test"])("", own.scores, own.intervals, 0.005, (low, high))
    page = page_of(Results({"test": own}, {"test": same}), tmp_path)
    assert "a lead of +0.5 points (-2.0 to +3.0), too small to tell apart" in page.text


def test_a_run_tells_its_data_learning_and_settings(tiny_run):
    page = Page((tiny_run / "report" / "report.html").read_text(encoding="utf-8"))
    data = read_json(tiny_run / "data_report.json")
    assert page.row("texts") == ["64", "16", "16"]
    assert page.row("repeated within") == [str(part["duplicates"]["normalised"]) for part in data["splits"].values()]
    assert f"{data['overlaps'][1]['texts']['normalised']} texts of test are in train too" in page.text
    assert "Loss while learning" in page.text
    assert "model.lr=3e-3" in page.text
    assert read_json(tiny_run / "run_summary.json")["versions"]["torch"] in page.text
    scores = read_json(tiny_run / "metrics.json")
    assert page.row("accuracy")[0].startswith(f"{scores['test']['accuracy']:.4f}")


@pytest.mark.parametrize("own", [True, False])
def test_the_data_report_of_a_run_is_left_out_for_other_data(tmp_path, own, tiny_run):
    write_json(tmp_path / "data_report.json", read_json(tiny_run / "data_report.json"))
    page = page_of(made_up(labels=["negative", "positive"]), tmp_path, own=own)
    assert ("Lengths of the texts" in page.text) == own
