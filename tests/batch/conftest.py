import fsspec
import pytest

from sentiment.inference.predictor import Predictor
from tests.stores import s3_on_loopback


@pytest.fixture(scope="package")
def engine(tiny_run):
    return Predictor.load(tiny_run)


@pytest.fixture(scope="package")
def s3():
    with s3_on_loopback() as fs:
        yield fs


@pytest.fixture
def memory():
    fs = fsspec.filesystem("memory", use_listings_cache=False)
    yield fs
    fs.rm("/", recursive=True)
