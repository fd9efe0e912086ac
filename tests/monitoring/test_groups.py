"""Groups by one column or by several."""

import pandas as pd
import pytest

from sentiment.cli import main
from sentiment.errors import ConfigError, DataError
from sentiment.monitoring.command import monitor
from sentiment.monitoring.groups import cells_of, columns_of, group_of, values_of
from tests.conftest import read_json, write_csv
from tests.monitoring.predictions import HEADER, moved, predicted

BY = ("brand", "label")  # the second has the name of a column of the shares
FLAT = {"Acme · Co": lambda _: 0.2, "Other": lambda _: 0.4}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    rows = [
        (*row, channel)
        for i, (brand, share) in enumerate(FLAT.items())
        for j, channel in enumerate(("web", "a ·· b"))
        for row in predicted(moved if brand == "Other" and channel == "web" else share, brand=brand, seed=2 * i + j)
    ]
    return write_csv(tmp_path_factory.mktemp("predicted") / "predicted.csv", rows, header=(*HEADER, "label"))


def test_groups_of_two_columns_have_a_column_for_each_in_every_output(table, tmp_path):
    command = [f"input={table}", "time=created", "by=[brand,label]", "tables=[csv,xlsx]", "quiet=true"]
    main(["monitor", *command, "true_column=prediction", f"output={tmp_path}/out"])
    out, given = tmp_path / "out", pd.read_csv(table)
    shares = pd.read_csv(out / "shares.csv")
    assert [*shares.columns[:5]] == ["period", "group", "brand", "by_label", "label"]
    own = shares[shares.group != "all"].set_index(["brand", "by_label", "period", "label"])
    counted = given.groupby([*BY, given.created.str[:10], "prediction"]).size()
    assert (own.texts * own.counted).round().astype(int).to_dict() == counted.to_dict()
    assert shares[shares.group == "all"][["brand", "by_label"]].isna().all(axis=None)
    assert {*own.group} == {"Acme ·· Co · web", "Acme ·· Co · a ···· b", "Other · web", "Other · a ···· b"}
    assert pd.read_excel(out / "shares.xlsx", engine="openpyxl").columns.equals(shares.columns)
    assert [*pd.read_csv(out / "errors.csv").columns[:4]] == ["period", "group", *BY]
    (change,) = [one for one in read_json(out / "changes.json")["changes"] if one["group"] != "all"][:1]
    assert change["by"] == {"brand": "Other", "label": "web"}
    prometheus = (out / "shares.prom").read_text(encoding="utf-8")
    assert 'sentiment_texts{group="Acme ·· Co · a ···· b",by_brand="Acme · Co",by_label="a ·· b"} 120' in prometheus
    assert 'sentiment_texts{group="all",by_brand="",by_label=""} 480' in prometheus
    assert "<h2>Shares by brand and label</h2>" in (out / "monitor.html").read_text(encoding="utf-8")


def test_a_history_keeps_groups_of_two_columns(table, tmp_path):
    command = [f"input={table}", "time=created", "quiet=true", f"history={tmp_path}/history"]
    for number in (1, 2):  # the second adds nothing
        main(["monitor", *command, "by=[brand,label]", f"output={tmp_path}/{number}"])
    main(["monitor", *command[:3], "by=[brand,label]", f"output={tmp_path}/alone"])
    alone, *others = [(tmp_path / name / "shares.csv").read_bytes() for name in ("alone", "1", "2")]
    assert others == [alone, alone]
    with pytest.raises(DataError, match=r"was made with by=\[brand,label\], now it is brand"):
        monitor(
            input=table, output=tmp_path / "x", engine=None, time="created", by="brand", history=tmp_path / "history"
        )


def test_equal_texts_about_two_aspects_are_two_texts_in_groups_of_several_columns(tmp_path):
    header = ("text", "target", "source", "prediction", "score", "p_a", "p_b")
    rows = [("the same text", target, source, "a", 0.9, 0.9, 0.1) for target in "xy" for source in ("web", "shop")]
    table = write_csv(tmp_path / "predicted.csv", rows, header=header)
    (tmp_path / "predicted.csv.summary.json").write_text('{"settings": {"aspect_column": "target"}}', encoding="utf-8")
    monitor(input=table, output=tmp_path / "out", engine=None, by=["target", "source"], unique=True)
    shares = pd.read_csv(tmp_path / "out" / "shares.csv")
    assert shares[shares.label == "a"].set_index("group").texts.to_dict() == {"all": 2, "x · web": 1, "y · web": 1}


@pytest.mark.parametrize("values", [("a", "b"), ("a · b", "c"), ("a", "b · c"), ("·", "··"), ("x ·", "· y"), ("", "z")])
def test_names_of_groups_tell_the_values_apart(values):
    name = group_of({"one": values[0], "two": values[1]}, ("one", "two"))
    assert values_of(name, ("one", "two")) == {"one": values[0] or "(none)", "two": values[1]}


def test_columns_of_equal_names_stay_apart():
    assert cells_of("a · b · c", ("group", "by_group", "x"), ("x",)) == {
        "group": "a · b · c", "by_group": "a", "by_by_group": "b", "by_x": "c",
    }  # fmt: skip


@pytest.mark.parametrize("by", [["a", "a"], ["a", None], [["a", "b"]], ""])
def test_what_names_no_columns_is_refused(by):
    with pytest.raises(ConfigError, match="expected the name of a column, or several once each"):
        columns_of(by)


def test_a_column_that_is_missing_among_several_is_named(table, tmp_path):
    with pytest.raises(DataError, match="by=chanel: .* has no such column, only id, created, brand, text, prediction"):
        monitor(input=table, output=tmp_path / "out", engine=None, by=["brand", "chanel"])


def test_names_that_look_the_same_are_one_group_and_those_nearly_so_are_said(tmp_path):
    header = ("text", "brand", "prediction", "score", "p_a", "p_b")
    brands = ["Käse", "Ka\u0308se", "Acme", " acme ", "🍕", "🍕\ufe0f"]
    rows = [("some text", brand, "a", 0.9, 0.9, 0.1) for brand in brands]
    monitor(input=write_csv(tmp_path / "p.csv", rows, header=header), output=tmp_path / "out", engine=None, by="brand")
    shares = pd.read_csv(tmp_path / "out" / "shares.csv")
    texts = shares[shares.label == "a"].set_index("group").texts.to_dict()
    assert texts == {"all": 6, "Acme": 1, "Käse": 2, "acme": 1, "🍕": 1, "🍕\ufe0f": 1}
    said = "names differ in capitals or emoji style alone are counted apart: Acme and acme; 🍕 and 🍕\ufe0f."
    assert said in read_json(tmp_path / "out" / "changes.json")["notes"][-1]
