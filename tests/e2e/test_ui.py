"""The page, asked through its own API."""

import pytest
from gradio_client import Client as PageClient
from gradio_client.exceptions import AppError

from sentiment.predictor import Predictor
from sentiment.ui import page
from tests.ports import free_ports

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def running(tiny_run):
    [port] = free_ports(1)
    made = page(Predictor.load(tiny_run))
    made.launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True)
    yield PageClient(f"http://127.0.0.1:{port}", verbose=False)
    made.close()


def test_a_text_gets_its_label(running):
    assert running.predict("good film", api_name="/classify")["label"] == "positive"


def test_an_empty_text_is_said(running):
    with pytest.raises(AppError, match="text is empty"):
        running.predict("  ", api_name="/classify")
