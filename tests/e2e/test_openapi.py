"""docs/openapi.yaml against the live server."""

import subprocess
import sys

import pytest

from sentiment.client import read_key
from tests.conftest import ROOT
from tests.e2e.faults import explaining

pytestmark = pytest.mark.e2e

SAFE = "not_a_server_error,status_code_conformance,content_type_conformance"
VALID = f"{SAFE},response_schema_conformance"


@pytest.mark.parametrize(
    ("operation", "mode", "checks"),
    [
        ("predict", "positive", VALID),  # that a text is more than markup and invisible characters is beyond a schema
        pytest.param("predictV1", "positive", VALID, marks=pytest.mark.slow),
        # that a shape fits its data is beyond a schema
        pytest.param("inferV2", "positive", VALID, marks=pytest.mark.slow),
        # texts may be too long to be explained at once
        pytest.param("explain", "positive", VALID, marks=pytest.mark.slow),
        pytest.param("explainV1", "positive", VALID, marks=pytest.mark.slow),
        pytest.param("predictV1", "negative", SAFE, marks=pytest.mark.slow),  # wrong here, right in another form
        pytest.param("inferV2", "negative", SAFE, marks=pytest.mark.slow),
        pytest.param("explain", "negative", SAFE, marks=pytest.mark.slow),
    ],
    ids=["predict", "predict_v1", "infer_v2", "explain", "explain_v1", "broken_v1", "broken_v2", "broken_explain"],
)
def test_the_server_answers_generated_requests_as_the_document_says(server, tmp_path, operation, mode, checks):
    explaining(server)  # 503 while it loads is right, and a server error to the tool
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(ROOT / "docs" / "openapi.yaml")]
    command += ["--url", server.url, "-H", f"Authorization: Bearer {read_key(server.key_file, 'inference')}"]
    command += [
        "--include-operation-id",
        operation,
        "--checks",
        checks,
        "--suppress-health-check=too_slow",  # it measures this machine
        "--max-examples",
        "5" if "explain" in operation else "20",
        "--mode",
        mode,
    ]
    command += [
        "--request-timeout",
        "60",
        "--no-shrink",
        "--phases",
        "examples,fuzzing",
        "--generation-deterministic",
        "--no-color",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
