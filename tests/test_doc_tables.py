"""The documents name tests as their evidence; each of them is there."""

import re

import pytest

from tests.conftest import ROOT

NAMED = re.compile(r"`((?:\w+/)*test_\w+\.py)?(?:::)?(test_\w+)`")
DOCUMENTS = ("torchserve.md", "upstream-cases.md", "threat-model.md")


def test_the_folder_of_a_test_and_its_file_may_be_named():
    text = "`serving/test_tls.py::test_a`, `::test_b`, `test_c`, `test_bodies.py` of another project"
    assert NAMED.findall(text) == [("serving/test_tls.py", "test_a"), ("", "test_b"), ("", "test_c")]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_test_a_document_names_is_there(name):
    text = (ROOT / "docs" / "pages" / "explanation" / name).read_text(encoding="utf-8")
    files = {f"/{path.relative_to(ROOT)}": path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py")}
    evidence = NAMED.findall(text)
    assert len(evidence) > 20
    for file, test in evidence:
        within = [content for path, content in files.items() if path.endswith(f"/{file}" if file else "")]
        assert any(f"def {test}(" in content for content in within), f"{file}::{test}"
