"""AdamW that leaves alone the token vectors a batch does not contain."""

from collections.abc import Callable
from typing import Any

import torch


class AdamW(torch.optim.AdamW):
    """torch.optim.AdamW that takes sparse gradients too.

    Of a parameter with one, only the rows of the gradient are touched, momentum and decay included, as
    torch.optim.SparseAdam does: of 30,522 token vectors a batch of short texts has a few hundred.
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
    """One step of AdamW (Loshchilov and Hutter 2019) for the rows of the sparse gradient."""
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
