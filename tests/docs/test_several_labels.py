"""The commands of how-to/several-labels.md, word for word, with a small backbone."""

import shutil

import pytest

from sentiment.cli import main
from tests.conftest import ROOT, read_csv, write_csv
from tests.docs.blocks import blocks

PAGE = ROOT / "docs" / "pages" / "how-to" / "several-labels.md"
SMALL = ["data.max_length=32", "data.batch_size=8", "trainer.max_epochs=1", "after_training.convert.runtime=torch"]


@pytest.mark.slow
def test_the_page_from_data_to_answers(emotions, tiny_backbone, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(emotions, "emotions")
    write_csv(tmp_path / "new.csv", [("happy film",), ("scared meal",)], header=("text",))
    commands = next(iter(blocks(PAGE))).commands
    small = {"preprocess": [f"data.backbone={tiny_backbone}"], "train": [f"model.backbone={tiny_backbone}", *SMALL]}
    for _, name, *given in commands:
        main([name, *given, *small.get(name, [])])
    assert "|" in "".join(row["label"] for row in read_csv(tmp_path / "data" / "emotions" / "train.csv"))
    assert list(read_csv(tmp_path / "out.csv")[0])[:3] == ["text", "prediction", "p_anger"]
