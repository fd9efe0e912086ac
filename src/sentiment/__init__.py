"""Fine-tune BERT for text sentiment and take it to users: train, evaluate, package, serve, predict.

The names of `__all__` are the Python API. Each is imported when it is first asked for: `import sentiment` alone loads
neither torch nor Hydra. A served archive carries this file without training, evaluation and the client.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sentiment.client.inference import AsyncClient, Client
    from sentiment.errors import SentimentError
    from sentiment.evaluation.api import evaluate
    from sentiment.inference.predictor import Predictor
    from sentiment.inference.types import Explanation, Prediction
    from sentiment.run_dir import Run
    from sentiment.training.api import train

    __version__: str

__all__ = [
    "AsyncClient",
    "Client",
    "Explanation",
    "Prediction",
    "Predictor",
    "Run",
    "SentimentError",
    "__version__",
    "evaluate",
    "train",
]
_MODULES = {
    "AsyncClient": "sentiment.client.inference",
    "Client": "sentiment.client.inference",
    "Explanation": "sentiment.inference.types",
    "Prediction": "sentiment.inference.types",
    "Predictor": "sentiment.inference.predictor",
    "Run": "sentiment.run_dir",
    "SentimentError": "sentiment.errors",
    "evaluate": "sentiment.evaluation.api",
    "train": "sentiment.training.api",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name == "__version__":
        value: Any = _version()
    elif name in _MODULES:
        value = getattr(_load(name), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names and what is loaded."""
    return sorted({*__all__, *globals()})


def _load(name: str) -> Any:
    """Import the module of a public name.

    Raises:
        AttributeError: This is a served archive, which leaves the module out.
        MissingPackageError: The name needs an extra that is not installed.
    """
    try:
        if find_spec(f"{__name__}.config"):  # no part of a served archive, which is installed whole
            import_module(f"{__name__}.config.extras").require(f"{__name__}.{name}", [_MODULES[name]])
        return import_module(_MODULES[name])
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(f"{__name__}."):
            raise AttributeError(f"sentiment.{name} is no part of a served archive; install bert-sentiment") from error
        raise


def _version() -> str:
    """Return the installed version; "0+unknown" where the package is not installed, as in a served archive."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("bert-sentiment")
    except PackageNotFoundError:
        return "0+unknown"
