"""HTTP clients for TorchServe: predictions, model management and readiness."""

from sentiment.client.inference import AsyncClient, Client
from sentiment.client.keys import read_key
from sentiment.client.management import Management, Version
from sentiment.client.readiness import ready, wait_until_ready

__all__ = ["AsyncClient", "Client", "Management", "Version", "read_key", "ready", "wait_until_ready"]
