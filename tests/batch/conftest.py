import pytest

from sentiment.predictor import Predictor


@pytest.fixture(scope="package")
def engine(tiny_run):
    return Predictor.load(tiny_run)
