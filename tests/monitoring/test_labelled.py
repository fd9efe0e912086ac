"""Labelled texts beside the texts to monitor: the estimator and the intervals are fitted on them."""

import pytest

from sentiment.cli import main
from sentiment.errors import DataError
from sentiment.monitoring.labelled import LabelledTexts
from tests.conftest import read_csv, read_json, write_csv

ROWS = [(f"{'good' if i % 3 else 'bad'} film {i}", "positive" if i % 3 else "negative") for i in range(120)]


@pytest.fixture
def texts(tmp_path):
    return write_csv(tmp_path / "texts.csv", [(text,) for text, _ in ROWS], header=("text",))


def test_labelled_texts_choose_the_estimator_and_fit_the_intervals(tiny_run, tmp_path):
    texts = [
        (f"{'good' if i % 3 else 'bad'} film {i}", "positive" if i % 3 else "negative", f"b{i // 30}")
        for i in range(180)
    ]
    labelled = write_csv(tmp_path / "labelled.csv", texts, header=("text", "label", "brand"))
    table = write_csv(tmp_path / "texts.csv", [(text, brand) for text, _, brand in texts], header=("text", "brand"))
    main(
        ["monitor", f"run={tiny_run}", f"input={table}", f"labelled={labelled}", "by=brand", f"output={tmp_path}/out"]
        + ["sampled=false", "quiet=true"]
    )
    assert "were fitted on the 180 texts" in " ".join(read_json(tmp_path / "out" / "changes.json")["notes"])
    for row in read_csv(tmp_path / "out" / "shares.csv"):
        if row["label"] == "negative":
            assert float(row["low"]) <= 1 / 3 <= float(row["high"])


def test_a_predicted_file_knows_the_run_that_scores_labelled_texts(tiny_run, texts, tmp_path):
    labelled = write_csv(tmp_path / "labelled.csv", ROWS)
    main(["predict", f"run={tiny_run}", f"input={texts}", f"output={tmp_path}/p.csv", "quiet=true"])
    main(["monitor", f"input={tmp_path}/p.csv", f"labelled={labelled}", f"output={tmp_path}/out", "quiet=true"])
    assert "were fitted on the 120 texts" in " ".join(read_json(tmp_path / "out" / "changes.json")["notes"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*ROWS, ("so so", "neutral")], "has the label 'neutral', the model knows negative, positive; correct it"),
        ([*ROWS, ("so so", "")], "1 of 121 labelled rows are unusable (first: row 121, the label is missing)"),
        (ROWS[:99], "has 99 rows, an estimator and its intervals need at least 100 labelled texts; give more"),
        ([], "has 0 rows, an estimator"),
    ],
    ids=["label", "none", "few", "empty"],
)
def test_labelled_texts_that_fit_nothing_are_refused_before_any_text_is_scored(
    rows, message, tiny_run, texts, tmp_path, capsys
):
    labelled, output = write_csv(tmp_path / "labelled.csv", rows), tmp_path / "out"
    with pytest.raises(SystemExit, match="2"):
        main(["monitor", f"run={tiny_run}", f"input={texts}", f"labelled={labelled}", f"output={output}", "quiet=true"])
    assert message in capsys.readouterr().err
    assert not output.exists()


def test_a_run_validated_on_few_texts_says_what_its_intervals_lack(tiny_run, texts, tmp_path, capsys):
    settings = ["monitor", f"run={tiny_run}", f"input={texts}", f"output={tmp_path}/out", "quiet=true"]
    main(settings)
    note = "16 labelled texts are too few to compare estimators (at least 100): the shares are counted labels, the "
    assert note in " ".join(read_json(tmp_path / "out" / "changes.json")["notes"])
    assert note in (tmp_path / "out" / "monitor.html").read_text(encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        main([*settings, "estimator=em"])
    assert "estimator=em needs 100 labelled texts to fit its intervals, the valid" in capsys.readouterr().err


def test_labelled_texts_that_hold_whole_rows_are_read_as_quoting_says(tmp_path):
    rows = [("good film,positive\nbad film", "negative"), ("fine", "positive"), ("poor", "negative")] * 40
    table = write_csv(tmp_path / "labelled.csv", rows)
    columns = {"by": (), "text_column": None, "label_column": None, "aspect_column": None}
    with pytest.raises(DataError, match="set quoting=none \\(quoting=double to keep such texts\\)"):
        LabelledTexts.read(table, **columns, quoting=None)
    assert LabelledTexts.read(table, **columns, quoting="double").cells == rows
