"""The bounds of other libraries' parameters, which their own signatures do not say."""

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

AtLeastOne = Annotated[int, Ge(1)]
Share = Annotated[float, Gt(0), Le(1)]
Beta = Annotated[float, Ge(0), Lt(1)]
NotNegative = Annotated[float, Ge(0)]

TRAINER: dict[str, Any] = {
    "accelerator": Literal["auto", "cpu", "gpu", "cuda", "mps", "tpu"],
    "max_epochs": AtLeastOne,
    "min_epochs": AtLeastOne | None,
    "max_steps": Literal[-1] | AtLeastOne,  # -1: max_epochs alone decides
    "limit_train_batches": AtLeastOne | Share | None,
    "limit_val_batches": AtLeastOne | Share | None,
    "overfit_batches": Annotated[int, Ge(0)] | Annotated[float, Ge(0), Le(1)],
    "val_check_interval": AtLeastOne | Share | None,
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
BOUNDS = {
    "pytorch_lightning.trainer": TRAINER,
    "pytorch_lightning.callbacks": CALLBACK,
    "torch.optim": OPTIMIZER,
    "sentiment.optimizers": OPTIMIZER,
}


def limits_of(target: Any) -> dict[str, Any]:
    """Types by parameter for a class of these libraries; none for another target."""
    module = str(getattr(target, "__module__", ""))
    return next((bounds for prefix, bounds in BOUNDS.items() if module.startswith(prefix)), {})
