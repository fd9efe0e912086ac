"""The config held against the signatures it wires: an unknown key or a wrong value fails before any work starts."""

import copy
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError

from sentiment.config.resources import bundled
from sentiment.config.signatures import check_node, suggestion
from sentiment.errors import ConfigError

SHARED = {"paths", "model", "seed", "run"}  # what other keys of a command refer to


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
    return str(get_object("sentiment.training.monitors.mode_of")(str(monitor)))  # a floor above, so by its name


def run_folder(outputs: str, run_name: str, resume: str | None) -> str:
    return resume or str(Path(outputs) / run_name)


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


def check_groups(cfg: DictConfig) -> None:
    """Keys of the mappings that have no `_target_` of their own."""
    unknown(cfg.get("paths", {}), list(OmegaConf.load(bundled("conf") / "paths" / "default.yaml")), "paths.")
    for group in ("callbacks", "logger"):
        members = cfg.get(group) or OmegaConf.create()
        names = [str(name) for name in members]
        wired = [name for name in names if members[name] is None or OmegaConf.select(members, f"{name}._target_")]
        unknown(members, wired, f"{group}.")


def unknown(node: Any, known: list[Any], prefix: str = "") -> None:
    names = [f"{prefix}{name}" for name in known]
    for key in (f"{prefix}{key}" for key in node):
        if key not in names:
            raise ConfigError(f"unknown key {key}{suggestion(key, names)}")


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
