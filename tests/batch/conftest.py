import pytest

from sentiment.inference.predictor import Predictor


@pytest.fixture(scope="package")
def engine(tiny_run):
    return Predictor.load(tiny_run)
