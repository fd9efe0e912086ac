"""Checks that the metrics named in a training config exist and are optimized in the right direction."""

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig

from sentiment.config.signatures import nearest, suggestion
from sentiment.errors import ConfigError
from sentiment.evaluation import metrics
from sentiment.evaluation.metric import Metric

SPLIT = "validation/"
TRAINING_LOSS = "train/loss"
ALIASES = {"acc": "accuracy", "auc": "auroc", "roc_auc": "auroc", "macro_f1": "f1", "f1_score": "f1", "f1_macro": "f1"}
JUDGES = ("best", "prune")  # callbacks that compare epochs, which the training loss cannot do


@dataclass(frozen=True)
class Monitor:
    """Config key that names a monitored metric, with the mode (min or max) set for it."""

    key: str
    value: str
    mode: str | None = None
    mode_key: str = ""

    @property
    def score(self) -> str:
        return self.value.removeprefix(SPLIT)


def check_monitors(cfg: DictConfig) -> None:
    """Check that each monitored metric exists and has the right mode.

    Labels in metric names are checked by `check_labels`, once the data's labels are known.

    Raises:
        ConfigError: at the first key that names an unknown metric or sets the wrong mode.
    """
    task = str(instantiate(cfg.task).kind)
    check_score("optimized_metric", str(cfg.optimized_metric), task)
    for monitor in monitors(cfg):
        if monitor.value == TRAINING_LOSS and monitor.key.split(".")[1] not in JUDGES:
            better = "min"
        elif not monitor.value.startswith(SPLIT):
            raise ConfigError(f"{monitor.key}={monitor.value}: a run has no such score{did_you_mean(monitor.value)}")
        else:
            better = check_score(monitor.key, monitor.score, task).mode
        if monitor.mode not in (None, better):
            raise ConfigError(
                f"{monitor.mode_key}={monitor.mode}: {monitor.value} is better where it is "
                f"{'higher' if better == 'max' else 'lower'}; set {monitor.mode_key}={better}"
            )


def check_labels(cfg: DictConfig, labels: Sequence[str]) -> None:
    """Raise ConfigError for the first monitored per-label metric whose label the data lacks."""
    named = [("optimized_metric", str(cfg.optimized_metric)), *((one.key, one.score) for one in monitors(cfg))]
    for key, score in named:
        label = score.partition("/")[2]
        if label and score != TRAINING_LOSS and label not in labels:
            raise ConfigError(f"{key}: the data has no label {label!r}{suggestion(label, labels)}")


def check_score(key: str, score: str, task: str | None = None) -> Metric:
    """Return the `Metric` of a score name such as f1 or recall/positive, defined for the kind of label `task` if given.

    Raises:
        ConfigError: there is no such metric, a per-label metric lacks its label, or another metric has one.
    """
    name, _, label = score.partition("/")
    metric = metrics.find(name)
    known = metrics.METRICS if task is None else metrics.of_task(task)
    if metric is None:
        raise ConfigError(
            f"{key}: a run has no metric {score!r}{suggestion(plain_name(score), [one.name for one in known])}"
        )
    if metric not in known:
        raise ConfigError(f"{key}: task={task} has no {name}; there are {', '.join(one.name for one in known)}")
    if of_labels(metric) and not label:
        raise ConfigError(f"{key}: {name} has a value for each label; name one, as in {name}/positive")
    if label and not of_labels(metric):
        raise ConfigError(f"{key}: {name} is one number over all labels; give {name} alone")
    return metric


def plain_name(score: str) -> str:
    """Return what other projects call val/acc, val_acc or val/acc_best by its name here, accuracy."""
    name = re.sub(r"^(val|valid|validation|test|train)[/_]|_best$", "", score)
    return ALIASES.get(name, name)


def monitors(cfg: DictConfig) -> Iterator[Monitor]:
    """Yield each callback's `monitor` with its mode, as configured or by the class's default."""
    for name, callback in (cfg.get("callbacks") or {}).items():
        if not callback or "_target_" not in callback:
            continue
        value = setting(callback, "monitor")
        if value is not None or "monitor" in callback:
            yield Monitor(f"callbacks.{name}.monitor", str(value), setting(callback, "mode"), f"callbacks.{name}.mode")


def setting(callback: DictConfig, key: str) -> Any:
    """Return the value of a callback's key, or its class's default for it, or None."""
    if key in callback:
        return callback[key]
    parameter = inspect.signature(get_object(callback["_target_"])).parameters.get(key)
    return None if parameter is None or parameter.default is inspect.Parameter.empty else parameter.default


@cache
def of_labels(metric: Metric) -> bool:
    """Return True for a metric with one value per label."""
    computed = metric.build(2)
    if metric.reads in ("values", "expected"):
        computed.update(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0]))
    else:
        several = metric.tasks == ("multi",)
        targets = torch.tensor([[0, 1], [1, 0]]) if several else torch.tensor([0, 1])
        computed.update(torch.tensor([[0.9, 0.1], [0.2, 0.8]]), targets)
    return bool(torch.as_tensor(computed.compute()).ndim)


def mode_of(monitor: str) -> str:
    """Return the mode of a metric, for the config; max for an unknown one, which is rejected later."""
    metric = metrics.find(monitor.removeprefix(SPLIT))
    return "min" if monitor == TRAINING_LOSS else metric.mode if metric else "max"


def did_you_mean(monitor: str) -> str:
    known = [metric.name for metric in metrics.METRICS]
    name = plain_name(monitor)
    close = next((one for one in known if name and one.startswith(name)), None)
    if close:
        return f"; did you mean {SPLIT}{close}?"
    return nearest(monitor, [SPLIT + one for one in known]) or f"; there are {', '.join(SPLIT + one for one in known)}"
