import pytest

from sentiment.inference.predictor import Predictor
from tests.stores import memory, s3

__all__ = ["memory", "s3"]


@pytest.fixture(scope="package")
def engine(tiny_run):
    return Predictor.load(tiny_run)
