"""Local TorchServe: settings, the server process and the serve command."""

from sentiment.serving.serve import serve
from sentiment.serving.server import TorchServe
from sentiment.serving.settings import Settings

__all__ = ["Settings", "TorchServe", "serve"]
