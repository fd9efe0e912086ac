"""The site builds without a warning, and its reference pages hold every key and path."""

import subprocess
import sys

import pytest
import yaml

from sentiment import errors
from sentiment.config.commands import commands
from sentiment.errors import SentimentError
from sentiment.evaluation import metrics as scores
from sentiment.worker import metrics as served
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--config-file", "docs/mkdocs.yml"]
    done = subprocess.run([*command, "--site-dir", str(folder)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_each_command_and_group_is_in_the_config_reference(site):
    text = (site / "reference" / "config.html").read_text(encoding="utf-8")
    for name in (
        *(f"sentiment {command}" for command in commands() if command != "train"),
        "data=sst2",
        "model=minilm",
    ):
        assert f"{name}<" in text
    for key in ("max_batch_delay", "validation_fraction", "accumulate_grad_batches", "token"):
        assert key in text
    assert "more than 0, at most 1" in text  # the bounds of model.lr, from the signature


@pytest.mark.slow
def test_each_metric_and_each_exception_is_in_its_reference(site):
    text = (site / "reference" / "metrics.html").read_text(encoding="utf-8")
    assert [metric.name for metric in (*scores.METRICS, *served.METRICS) if metric.name not in text] == []
    text = (site / "reference" / "exit-codes.html").read_text(encoding="utf-8")
    made = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, SentimentError)]
    assert [value.__name__ for value in made if value is not SentimentError and value.__name__ not in text] == []
    assert {value.exit_code for value in made} | {0} == set(errors.EXIT_CODES)


@pytest.mark.slow
def test_each_path_is_in_the_rest_reference(site):
    text = (site / "reference" / "rest.html").read_text(encoding="utf-8")
    document = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text(encoding="utf-8"))
    for path in document["paths"]:
        assert path in text


@pytest.mark.slow
def test_a_page_asks_nothing_of_another_host(site):
    text = (site / "index.html").read_text(encoding="utf-8")
    assert "fonts.googleapis" not in text
    assert 'src="http' not in text
