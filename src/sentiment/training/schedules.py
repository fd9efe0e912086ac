"""Learning-rate schedules of transformers, with their arguments checked."""

import inspect
from collections.abc import Mapping
from typing import Any

from transformers import SchedulerType, get_scheduler
from transformers.optimization import TYPE_TO_SCHEDULER_FUNCTION

from sentiment.config.signatures import suggestion
from sentiment.errors import ConfigError

OURS = {  # arguments that the run sets for every schedule, and the config key that sets them
    "num_warmup_steps": "model.warmup_ratio, a share of all steps",
    "num_training_steps": "trainer.max_epochs or trainer.max_steps",
    "last_epoch": "resume",
    "optimizer": "model.optimizer",
}
BY_METRIC = (SchedulerType.REDUCE_ON_PLATEAU, SchedulerType.GREEDY)  # these need a metric at each step


def check_schedule(kind: SchedulerType | str, arguments: Mapping[str, Any] | None, *, warmup_ratio: float) -> None:
    """Check that training can drive a schedule and that the schedule reads every argument.

    Raises:
        ConfigError: the schedule follows a metric or has no warmup, or an argument is unknown, missing or set by the
            run itself.
    """
    kind = SchedulerType(kind)
    if kind in BY_METRIC:
        raise ConfigError(
            f"model.scheduler={kind.value} follows a metric, and the rate is set at each step; "
            "set one by steps, such as linear, cosine or constant_with_warmup"
        )
    build: Any = TYPE_TO_SCHEDULER_FUNCTION[kind]
    parameters = inspect.signature(build).parameters
    if warmup_ratio and "num_warmup_steps" not in parameters:
        raise ConfigError(
            f"model.scheduler={kind.value} has no warm-up, so model.warmup_ratio={warmup_ratio:g} would do nothing; "
            "set model.warmup_ratio=0, or take model.scheduler=constant_with_warmup"
        )
    own = [] if kind is SchedulerType.CONSTANT else [name for name in parameters if name not in OURS]
    for name in map(str, arguments or {}):
        if name in OURS:
            raise ConfigError(f"model.lr_scheduler_kwargs.{name}: the run sets it; set {OURS[name]}")
        if name not in own:
            there = suggestion(name, own) or "; it takes none"
            raise ConfigError(f"model.lr_scheduler_kwargs.{name}: scheduler {kind.value} takes no {name!r}{there}")
    if kind is SchedulerType.WARMUP_STABLE_DECAY and "num_decay_steps" not in (arguments or {}):
        raise ConfigError(f"model.scheduler={kind.value} needs model.lr_scheduler_kwargs={{num_decay_steps: N}}")


def build_schedule(
    kind: SchedulerType | str, optimizer: Any, *, steps: int, warmup: float, arguments: Mapping[str, Any]
) -> Any:
    """Build the schedule over `steps`, a fraction `warmup` of them warmup. Raises ConfigError for wrong arguments."""
    try:
        return get_scheduler(
            kind,
            optimizer,
            num_warmup_steps=round(warmup * steps),
            num_training_steps=steps,
            scheduler_specific_kwargs=dict(arguments),
        )
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ConfigError(f"model.lr_scheduler_kwargs={dict(arguments)}: {error}") from error
