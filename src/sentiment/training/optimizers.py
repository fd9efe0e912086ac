"""Optimizer construction over parameter groups, and an AdamW that updates only the embedding rows of the batch."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch

from sentiment.errors import ConfigError

GROUPED = {  # arguments set in each parameter group, and the config key that sets them
    "lr": "model.lr, times the share of a layer under model.layer_decay",
    "weight_decay": "model.weight_decay, for matrices alone",
}


def build_optimizer(make: Callable[..., torch.optim.Optimizer], groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Build the optimizer over parameter groups. Raises ConfigError if it takes none, or not these."""
    try:
        return make(groups)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"model.optimizer: {str(error).splitlines()[0]}; try sentiment.training.optimizers.AdamW"
        ) from error


def check_optimizer(settings: Mapping[str, Any], target: Any, *, lr: float, weight_decay: float) -> None:
    """Check that the parameter groups override no value under `model.optimizer`.

    Raises:
        ConfigError: the optimizer's config sets another value, or the optimizer has no weight decay and the model asks
            for some.
    """
    for name, value in {"lr": lr, "weight_decay": weight_decay}.items():
        if name in settings and settings[name] != value:
            raise ConfigError(
                f"model.optimizer.{name}={settings[name]} would do nothing: each weight has {GROUPED[name]}; "
                f"set model.{name}={settings[name]}"
            )
    known = inspect.signature(target).parameters
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in known.values())
    if weight_decay and "weight_decay" not in known and not takes_any:
        raise ConfigError(
            f"model.weight_decay={weight_decay} can do nothing: {target.__name__} has no weight decay; "
            "set model.weight_decay=0"
        )


class AdamW(torch.optim.AdamW):
    """torch.optim.AdamW that also accepts sparse gradients.

    For a sparse gradient, only the rows it contains are updated (moments and weight decay too), like
    torch.optim.SparseAdam: a batch of short texts has a few hundred of 30,522 token vectors.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        sparse = [
            (parameter, group)
            for group in self.param_groups
            for parameter in group["params"]
            if parameter.grad is not None and parameter.grad.is_sparse
        ]
        for parameter, group in sparse:
            update_rows(parameter, self.state[parameter], group)
            parameter.grad = None
        super().step()
        return loss


def update_rows(parameter: torch.Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    """Apply one AdamW step (Loshchilov and Hutter 2019) to the rows of the sparse gradient."""
    assert parameter.grad is not None
    gradient = parameter.grad.coalesce()
    rows, values = gradient.indices()[0], gradient.values()
    if not state:
        state["step"] = torch.tensor(0.0)
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
    state["step"] += 1
    (beta1, beta2), lr, step = group["betas"], float(group["lr"]), state["step"].item()
    mean = state["exp_avg"].index_select(0, rows).lerp_(values, 1 - beta1)
    square = state["exp_avg_sq"].index_select(0, rows).mul_(beta2).addcmul_(values, values, value=1 - beta2)
    state["exp_avg"].index_copy_(0, rows, mean)
    state["exp_avg_sq"].index_copy_(0, rows, square)
    spread = square.div_(1 - beta2**step).sqrt_().add_(group["eps"])
    new = parameter.index_select(0, rows).mul_(1 - lr * group["weight_decay"])
    parameter.index_copy_(0, rows, new.addcdiv_(mean, spread, value=-lr / (1 - beta1**step)))
