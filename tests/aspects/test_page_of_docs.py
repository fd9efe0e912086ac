"""The commands and calls of docs/pages/how-to/aspects.md on small data; those that train are composed by tests/docs."""

import re
import shutil

from sentiment.cli import main
from tests.conftest import ROOT, read_csv, read_json, write_csv
from tests.docs.blocks import blocks

PAGE = ROOT / "docs" / "pages" / "how-to" / "aspects.md"


def test_what_the_page_tells_to_type_works(aspect_run, aspect_corpus, tiny_backbone, tmp_path, monkeypatch):
    shutil.copytree(aspect_corpus, tmp_path / "aspects")
    shutil.copytree(aspect_run, tmp_path / "outputs" / "aspects")
    monkeypatch.chdir(tmp_path)
    typed = [words[1:] for block in blocks(PAGE) for words in block.commands if words[0] == "sentiment"]
    own = {
        "preprocess": [f"data.backbone={tiny_backbone}", "data.cache_dir=cache"],
        "evaluate": ["baseline=false"],
        "predict": ["quiet=true"],
    }
    assert [words[0] for words in typed] == ["preprocess", "evaluate", "predict", "verify", "monitor"]
    for words in typed:
        main([*words, *own.get(words[0], [])])
    assert list(read_csv(tmp_path / "out" / "train.csv")[0]) == ["text", "aspect", "label"]
    assert read_json(tmp_path / "outputs/aspects/evaluation/validation/metrics.json")["validation"]["accuracy"] == 1
    rows = read_csv(tmp_path / "out" / "predicted.csv")
    assert all((row["target"] == "screen") == (row["prediction"] == "positive") for row in rows)
    groups = {row["group"] for row in read_csv(tmp_path / "out" / "monitor" / "shares.csv")}
    assert {"screen", "battery"} <= groups

    calls, halves = re.findall("```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(calls, {})
    rows = [(f"good film {i}", f"target {i % 100}", str(i % 5 - 2)) for i in range(300)]
    (tmp_path / "C").mkdir()
    write_csv(tmp_path / "C" / "validation.csv", rows, header=("text", "target", "label"))
    exec(halves, {})
    more, held = (read_csv(tmp_path / "C" / f"{name}.csv") for name in ("more", "held"))
    assert (len(more), len(held)) == (150, 150)
    assert not {row["target"] for row in more} & {row["target"] for row in held}
