"""Value bounds for parameters of third-party classes whose signatures do not state them."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from pydantic import StringConstraints

AtLeastOne = Annotated[int, Ge(1)]
Share = Annotated[float, Gt(0), Le(1)]
Beta = Annotated[float, Ge(0), Lt(1)]
NotNegative = Annotated[float, Ge(0)]

Time = Annotated[str, StringConstraints(pattern=r"^\d{1,2}:\d{1,2}:\d{1,2}:\d{1,2}$")]

OWNED = {  # Trainer arguments that users cannot set, with the reason to report
    "logger": "loggers are chosen with logger=csv, tensorboard, mlflow, wandb, [csv,wandb] or null",
    "callbacks": "callbacks are chosen with callbacks=default, early_stopping, ema, swa, lr_finder or null",
    "enable_checkpointing": "a run writes its checkpoints itself, to be gone on with and exported",
    "fast_dev_run": "it writes no checkpoint, so that nothing can be exported; use debug=fast",
    "barebones": "it drops the logs and checkpoints that a run consists of",
    "limit_test_batches": "the whole test split is scored after training; after_training.test=false leaves it out",
    "limit_predict_batches": "training predicts nothing; sentiment predict does",
    "sync_batchnorm": "an encoder of texts has no batch norm",
    "enable_autolog_hparams": "every logger is told the whole config",
    "model_registry": "a run is exported to its own folder",
}
GONE = {  # removed keys of conf/train.yaml, with the message to report
    "average": "average is gone: the last epoch is exported, unless an earlier one is better by more than chance"
}
TRAINER: dict[str, Any] = {
    "accelerator": Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"],
    "max_epochs": Literal[-1] | AtLeastOne,  # -1: only max_steps limits training
    "min_epochs": AtLeastOne | None,
    "max_steps": Literal[-1] | AtLeastOne,  # -1: only max_epochs limits training
    "limit_train_batches": AtLeastOne | Share | None,
    "limit_val_batches": AtLeastOne | Share | None,
    "overfit_batches": Annotated[int, Ge(0)] | Annotated[float, Ge(0), Le(1)],
    "min_steps": AtLeastOne | None,
    "max_time": Time | Mapping[str, int] | None,
    "val_check_interval": AtLeastOne | Share | Time | Mapping[str, int] | None,
    "precision": Literal["32-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true"]
    | Literal["transformer-engine", "transformer-engine-float16", "32", "16", "bf16", "64", 32, 16, 64],
    "profiler": Literal["simple", "advanced", "pytorch"] | None,
    "reload_dataloaders_every_n_epochs": Annotated[int, Ge(0)],
    "num_nodes": AtLeastOne,
    "check_val_every_n_epoch": AtLeastOne | None,
    "num_sanity_val_steps": Annotated[int, Ge(-1)] | None,
    "log_every_n_steps": AtLeastOne | None,
    "accumulate_grad_batches": AtLeastOne,
    "gradient_clip_val": NotNegative | None,
    "gradient_clip_algorithm": Literal["norm", "value"] | None,
}
OPTIMIZER: dict[str, Any] = {
    "lr": Annotated[float, Gt(0), Le(1)],
    "betas": tuple[Beta, Beta],
    "eps": NotNegative,
    "weight_decay": NotNegative,
    "momentum": NotNegative,
}
CALLBACK: dict[str, Any] = {
    "mode": Literal["min", "max"],
    "patience": AtLeastOne,
    "save_top_k": Annotated[int, Ge(-1)],
    "every_n_epochs": AtLeastOne | None,
}
FINDER: dict[str, Any] = {
    "min_lr": Annotated[float, Gt(0), Le(1)],
    "max_lr": Annotated[float, Gt(0), Le(1)],
    "num_training_steps": Annotated[int, Ge(13)],  # the first ten are not judged, nor is the last; a slope needs two
}
BOUNDS = {
    "pytorch_lightning.trainer": TRAINER,
    "pytorch_lightning.callbacks": CALLBACK,
    "sentiment.training.lr_finder": FINDER,
    "torch.optim": OPTIMIZER,
    "sentiment.training.optimizers": OPTIMIZER,
}


def limits_of(target: Any) -> dict[str, Any]:
    """Look up the bounded type of each parameter by the target's module; empty for any other module."""
    module = str(getattr(target, "__module__", ""))
    return next((bounds for prefix, bounds in BOUNDS.items() if module.startswith(prefix)), {})
