"""The documents name tests as their evidence; each of them is there."""

import re

import pytest

from tests.conftest import ROOT

NAMED = re.compile(r"`(?:(?:e2e/)?(\w+\.py))?(?:::)?(test_\w+)`")


@pytest.mark.parametrize("name", ["torchserve.md", "upstream-cases.md"])
def test_every_test_a_document_names_is_there(name):
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    files = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    named = NAMED.findall(text)
    assert len(named) > 20
    for file, test in named:
        within = [files[file]] if file else files.values()
        assert any(f"def {test}(" in content for content in within), f"{file}::{test}"
