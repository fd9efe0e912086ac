import pytest

from tests.conftest import write_csv
from tests.monitoring.predictions import HEADER, moved, predicted


@pytest.fixture(scope="package")
def table(tmp_path_factory):
    rows = predicted(moved) + predicted(lambda _: 0.4, brand="=Other", seed=1)
    return write_csv(tmp_path_factory.mktemp("predicted") / "predicted.csv", rows, header=HEADER)
