"""The config held against the signatures it wires: an unknown key or a wrong value fails before any work starts."""

import copy
import inspect
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Lt
from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict
from omegaconf.errors import InterpolationKeyError

from sentiment import runs
from sentiment.backbones import check_length, positions
from sentiment.errors import ConfigError, ModelError
from sentiment.labels import label_texts, read_class_weights
from sentiment.limits import GONE, OWNED
from sentiment.resources import bundled
from sentiment.signatures import check_node, check_value, find, suggestion

SHARED = {"paths", "model", "seed", "run"}  # what other keys of a command refer to
TRAINING = {  # types of the keys of conf/train.yaml, which no signature takes
    "run_name": str,
    "seed": Annotated[int, Ge(0), Lt(2**32)],
    "resume": str | None,
    "test": bool | None,
    "calibrate": bool,
    "baseline": bool | None,
    "optimized_metric": str,
}
NEEDED = ("best", "last", "stop", "final", "exact_resume", "throughput")  # callbacks that a run cannot be without
REQUIRED = ("data", "model", "trainer", "paths", *(f"callbacks.{name}" for name in NEEDED))


def register_resolvers() -> None:
    """What conf/ may use: ${bundled:data/demo}, ${precision:cpu}, ${run_folder:outputs,name,resume}."""
    OmegaConf.register_new_resolver("bundled", lambda name: str(bundled(name)), replace=True)
    OmegaConf.register_new_resolver("precision", precision, replace=True)
    OmegaConf.register_new_resolver("fused", lambda precision: str(precision) != "16-mixed", replace=True)
    OmegaConf.register_new_resolver("run_folder", run_folder, replace=True)
    OmegaConf.register_new_resolver("mode", mode, replace=True)


def precision(accelerator: str) -> str:
    """bf16-mixed where the processor multiplies bf16 matrices natively, else 32-true."""
    import torch

    if accelerator in ("gpu", "cuda") or (accelerator == "auto" and torch.cuda.is_available()):
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if native else "32-true"


def mode(monitor: str) -> str:
    """Which direction of a score is the better one, max or min."""
    from sentiment.monitors import mode_of

    return mode_of(str(monitor))


def run_folder(outputs: str, run_name: str, resume: str | None) -> str:
    return resume or str(Path(outputs) / run_name)


def check(cfg: DictConfig) -> None:
    """ConfigError for the first key or value of a training config that nothing takes; no data is read."""
    from sentiment.monitors import check_monitors

    check_root(cfg)
    require(cfg)
    check_groups(cfg)
    check_trainer(cfg)
    for path, node in nodes(cfg):
        check_node(path, node)
    if cfg.data.get("labels") is not None:
        label_texts(cfg.data.labels, "data.labels")
    check_model(cfg.model)
    check_monitors(cfg)
    with suppress(ModelError):  # a backbone out of reach: told when it is loaded, which is before the data too
        limit = positions(cfg.data.backbone, cfg.data.get("backbone_revision"))
        check_length(cfg.data.backbone, cfg.data.max_length, limit)


def check_model(model: DictConfig) -> None:
    """What the signature of the model cannot say: values that something else puts aside, or this backbone has not."""
    from sentiment.networks import check_settings
    from sentiment.optimizers import check_optimizer
    from sentiment.schedules import check_schedule

    if isinstance(optimizer := model.get("optimizer"), DictConfig) and "_target_" in optimizer:
        target = find("model.optimizer", optimizer["_target_"])
        check_optimizer(optimizer, target, lr=model.get("lr"), weight_decay=model.get("weight_decay"))
    check_schedule(model.get("scheduler") or "linear", model.get("scheduler_args"))
    read_class_weights(model.get("class_weights"))
    with suppress(ModelError):
        keys = inspect.signature(check_settings).parameters
        check_settings(**{str(key): value for key, value in model.items() if key in keys})


def require(cfg: DictConfig) -> None:
    """ConfigError for the first key that is still ???, or refers to one that is gone."""
    missing = sorted(OmegaConf.missing_keys(cfg))
    if missing:
        raise ConfigError(f"{missing[0]} is required and has no value; set {missing[0]}=...")
    try:
        OmegaConf.resolve(copy.deepcopy(cfg))
    except InterpolationKeyError as error:
        reason = str(error).splitlines()[0].removeprefix("Interpolation key ")
        raise ConfigError(f"{error.full_key} needs the key {reason}; do not remove it") from error


def check_root(cfg: DictConfig) -> None:
    """The keys of conf/train.yaml itself: all known, none gone, each of its type."""
    known, groups = root_keys()
    for key in cfg:
        if key in GONE:
            raise ConfigError(GONE[str(key)])
    unknown(cfg, [*known, *groups])
    for key in (*known, *REQUIRED):
        if OmegaConf.select(cfg, key) is None and (key not in cfg or key in REQUIRED):
            raise ConfigError(f"{key} is required; do not remove it")
    for key, hint in TRAINING.items():
        check_value(key, cfg[key], hint)
    runs.check_name(cfg.run_name)


def check_groups(cfg: DictConfig) -> None:
    """Keys of the mappings that have no `_target_` of their own."""
    unknown(cfg.get("paths", {}), list(OmegaConf.load(bundled("conf") / "paths" / "default.yaml")), "paths.")
    for group in ("callbacks", "logger"):
        members = cfg.get(group) or OmegaConf.create()
        names = [str(name) for name in members]
        wired = [name for name in names if members[name] is None or OmegaConf.select(members, f"{name}._target_")]
        unknown(members, wired, f"{group}.")


def complete(cfg: DictConfig) -> DictConfig:
    """A training config in which null for loggers or callbacks means none, but for what a run cannot be without."""
    completed = copy.deepcopy(cfg)
    with open_dict(completed):
        completed.logger = completed.get("logger") or {}
        if not completed.get("callbacks"):
            default: Any = OmegaConf.load(bundled("conf") / "callbacks" / "default.yaml")
            completed.callbacks = {name: default[name] for name in NEEDED}
    return completed


def check_trainer(cfg: DictConfig) -> None:
    """The Trainer's arguments that its signature takes and a run cannot."""
    trainer = cfg.trainer
    for key, reason in OWNED.items():
        if key in trainer:
            raise ConfigError(f"trainer.{key} is not yours to set: {reason}")
    if trainer.get("use_distributed_sampler"):
        raise ConfigError("trainer.use_distributed_sampler=true: each process takes its share of a batch already")
    if trainer.get("max_epochs") in (-1, None) and trainer.get("max_steps", -1) in (-1, None):
        raise ConfigError(
            f"trainer.max_epochs={trainer.get('max_epochs')}: the learning rate's schedule needs an end; set "
            "trainer.max_epochs or trainer.max_steps"
        )


def unknown(node: Any, known: list[Any], prefix: str = "") -> None:
    names = [f"{prefix}{name}" for name in known]
    for key in (f"{prefix}{key}" for key in node):
        if key not in names:
            raise ConfigError(f"unknown key {key}{suggestion(key, names)}")


@cache
def root_keys() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys of conf/train.yaml, and its config groups."""
    own: Any = OmegaConf.load(bundled("conf") / "train.yaml")
    groups = [str(name) for entry in own.defaults if isinstance(entry, DictConfig) for name in entry]
    keys = tuple(str(key) for key in own if key not in ("defaults", "hydra"))
    return keys, tuple(name for name in groups if not name.startswith("override "))


def call(cfg: DictConfig) -> DictConfig:
    """A command's config as the one checked call it stands for: its `_target_` and keys, without the shared ones."""
    require(cfg)
    cfg = copy.deepcopy(cfg)
    OmegaConf.resolve(cfg)
    check_groups(cfg)
    if "model" in cfg and isinstance(cfg.model, DictConfig):
        unknown(cfg.model, ["backbone", "revision"], "model.")
    parameters = inspect.signature(get_object(cfg["_target_"])).parameters
    wanted = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key in parameters or key not in SHARED])
    for path, node in nodes(wanted):
        check_node(path, node)
    return wanted


def nodes(cfg: Any, path: str = "") -> Iterator[tuple[str, DictConfig]]:
    """Every mapping with a `_target_`, with its dotted path, outer ones first."""
    if isinstance(cfg, DictConfig):
        if "_target_" in cfg:
            yield path, cfg
        key: Any  # a number too, as in data.label_map
        for key in cfg:
            yield from nodes(cfg[key], f"{path}.{key}" if path else str(key))
    elif isinstance(cfg, ListConfig):
        for i, item in enumerate(cfg):
            yield from nodes(item, f"{path}[{i}]")


def flat_keys(cfg: Any, path: str = "") -> Iterator[str]:
    """Every dotted key of a config."""
    if isinstance(cfg, DictConfig):
        key: Any
        for key in cfg:
            name = f"{path}.{key}" if path else str(key)
            yield name
            if not OmegaConf.is_missing(cfg, key) and not OmegaConf.is_interpolation(cfg, key):
                yield from flat_keys(cfg[key], name)


register_resolvers()
