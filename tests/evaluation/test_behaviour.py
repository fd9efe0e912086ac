"""Behaviour tests: templates, what counts as a failure, and a version that got worse."""

from pathlib import Path

import pytest

from sentiment.cli import main
from sentiment.config.resources import bundled
from sentiment.errors import DataError
from sentiment.evaluation.behaviour import Outcome, chance, expand, judge, read_behaviour, texts_of, worse
from sentiment.inference.types import Prediction
from tests.conftest import read_json, write_csv

LABELS = ["negative", "positive"]
HEADER = ("kind", "text", "label")


def told(positive, *, readable=True):
    probabilities = {"negative": 1 - positive, "positive": positive}
    label = max(probabilities, key=probabilities.__getitem__)
    return Prediction(label, probabilities[label], probabilities, readable=readable)


def test_a_template_makes_a_case_of_each_choice_and_a_text_of_each_variant():
    assert expand("The [tea|cake] is {|very }good{|!}.") == [
        ("The tea is good.", "The tea is very good!."),
        ("The cake is good.", "The cake is very good!."),
    ]
    assert expand("I <3 [it") == [("I <3 [it",)]


@pytest.mark.parametrize(
    ("row", "scores", "fails"),
    [
        (("minimum", "not good", "negative"), [0.1], False),
        (("minimum", "not good", "negative"), [0.9], True),
        (("invariance", "{Ann|Wei} is kind", ""), [0.9, 0.6], False),
        (("invariance", "{Ann|Wei} is kind", ""), [0.6, 0.4], True),
        (("direction", "{|very }good", "positive"), [0.6, 0.9], False),
        (("direction", "{|very }good", "positive"), [0.9, 0.85], False),
        (("direction", "{|very }good", "positive"), [0.9, 0.7], True),
    ],
)
def test_what_fails(tmp_path, row, scores, fails):
    write_csv(tmp_path / "own.csv", [row], HEADER)
    [outcome] = judge(read_behaviour(tmp_path, LABELS), lambda texts: list(map(told, scores)))
    assert outcome.failed == [fails]


def test_a_text_that_cannot_be_read_fails(tmp_path):
    write_csv(tmp_path / "own.csv", [("minimum", "\U0001f621", "negative")], HEADER)
    [outcome] = judge(read_behaviour(tmp_path, LABELS), lambda texts: [told(0.5, readable=False)])
    assert outcome.failed == [True]


def test_templates_of_a_label_that_the_model_lacks_are_left_out(tmp_path):
    write_csv(
        tmp_path / "own.csv", [("minimum", "It opens at nine.", "neutral"), ("minimum", "bad", "Negative")], HEADER
    )
    [capability] = read_behaviour(tmp_path, ["NEGATIVE", "POSITIVE"])
    assert [(case.texts, case.label) for case in capability.cases] == [(("bad",), "NEGATIVE")]
    assert read_behaviour(tmp_path, ["joy", "anger"]) == []


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("mft", "good", "positive"), r"own.csv, row 1: kind='mft': expected minimum, invariance, direction"),
        (("minimum", " ", "positive"), "row 1: text is empty"),
        (("minimum", "{a|b}", "positive"), "a test of kind minimum has no variants"),
        (("invariance", "a", ""), "a test of kind invariance has variants"),
        (("direction", "{a|b}", ""), "a test of kind direction has a label"),
    ],
)
def test_a_row_that_is_no_template_is_refused(tmp_path, row, message):
    write_csv(tmp_path / "own.csv", [row], HEADER)
    with pytest.raises(DataError, match=message):
        read_behaviour(tmp_path, LABELS)


def test_a_folder_without_templates_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no \.csv files in it"):
        read_behaviour(tmp_path, LABELS)
    with pytest.raises(DataError, match=r"^behaviour=.*/none: no such folder; name a folder of templates"):
        read_behaviour(tmp_path / "none", LABELS)
    write_csv(tmp_path / "own.csv", [("good", "positive")])
    with pytest.raises(DataError, match="expected the columns kind,text,label .*; got text,label"):
        read_behaviour(tmp_path, LABELS)


def test_the_bundled_tests_cover_what_they_say():
    three = read_behaviour(bundled("data/behaviour"), [*LABELS, "neutral"])
    names = ["brands", "emoji", "intensifiers", "irony", "names", "negation", "neutral", "typos"]
    assert [one.name for one in three] == names
    assert [one.name for one in read_behaviour(bundled("data/behaviour"), LABELS)] == [
        n for n in names if n != "neutral"
    ]
    assert all(len({case.template for case in one.cases}) >= 12 for one in three)
    assert 400 < len(texts_of(three)) < 1000
    assert {case.kind for one in three for case in one.cases} == {"minimum", "invariance", "direction"}


def outcome(name, failed, *, cases=2):
    [capability] = [one for one in read_behaviour(bundled("data/behaviour"), LABELS) if one.name == name]
    return Outcome(name, capability.cases, [case.template in failed for case in capability.cases])


def test_the_interval_counts_templates_not_cases():
    none = outcome("negation", set())
    low, high = none.interval
    assert low == 0
    assert high == pytest.approx(1 - 0.025 ** (1 / 17), abs=1e-6)  # none of 17 templates


def test_a_version_that_got_worse_beyond_chance_is_found():
    before, slip = outcome("negation", {1}), outcome("negation", {2})
    fallen = outcome("negation", {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    same = outcome("names", set())
    assert worse([slip, same], [before, same]) == []
    assert [one.name for one, _ in worse([fallen, same], [before, same])] == ["negation"]
    assert chance(before, fallen) > 0.9


def test_a_folder_that_is_none_is_refused_before_texts_are_scored(tiny_run, tmp_path, capfd):
    with pytest.raises(SystemExit):
        main(["evaluate", f"run={tiny_run}", f"output={tmp_path}/out", f"behaviour={tmp_path}"])
    printed = capfd.readouterr().err
    assert f"error: behaviour={tmp_path}: no .csv files in it" in printed
    assert "scoring" not in printed


def test_evaluate_writes_and_reports_them(tiny_run: Path, tmp_path: Path):
    main(["evaluate", f"run={tiny_run}", f"output={tmp_path}/out", "baseline=false"])
    found = read_json(tmp_path / "out" / "behaviour.json")
    assert found["negation"]["templates"] == 17
    low, high = found["negation"]["interval"]
    assert 0 <= low <= found["negation"]["rate"] <= high <= 1
    report = (tmp_path / "out" / "report" / "report.html").read_text(encoding="utf-8")
    assert "How it behaves" in report
    assert f"{100 * found['negation']['rate']:.1f} %" in report
    main(["evaluate", f"run={tiny_run}", f"output={tmp_path}/none", "baseline=false", "behaviour=null"])
    assert not (tmp_path / "none" / "behaviour.json").exists()
