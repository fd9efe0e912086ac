"""Config validation: an unknown key or an invalid value fails before any work starts."""

import copy
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError

from sentiment.config import extras
from sentiment.config.resources import bundled
from sentiment.config.signatures import check_node, suggestion
from sentiment.config.targets import targets
from sentiment.errors import ConfigError

SHARED = {"paths", "model", "seed", "run"}  # keys that exist for interpolation; a command need not take them


def register_resolvers() -> None:
    """Register the OmegaConf resolvers that conf/ uses, e.g. ${bundled:data/demo} or ${precision:cpu}."""
    OmegaConf.register_new_resolver("bundled", lambda name: str(bundled(name)), replace=True)
    OmegaConf.register_new_resolver("precision", precision, replace=True)
    OmegaConf.register_new_resolver("fused", lambda precision: str(precision) != "16-mixed", replace=True)
    OmegaConf.register_new_resolver("run_folder", run_folder, replace=True)
    OmegaConf.register_new_resolver("mode", mode, replace=True)


def precision(accelerator: str) -> str:
    """Choose bf16-mixed if the device multiplies bf16 matrices natively (GPU, AVX512-BF16 or AMX), else 32-true."""
    import torch

    if accelerator in ("gpu", "cuda") or (accelerator == "auto" and torch.cuda.is_available()):
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if native else "32-true"


def mode(monitor: str) -> str:
    """Return "max" or "min", the direction in which the monitored metric improves."""
    # config must not import training, so the function is looked up by name
    return str(get_object("sentiment.training.monitors.mode_of")(str(monitor)))


def run_folder(outputs: str, run_name: str, resume: str | None) -> str:
    return resume or str(Path(outputs) / run_name)


def require(cfg: DictConfig) -> None:
    """Check that every mandatory key has a value and every interpolation resolves.

    Raises:
        ConfigError: A key is still ???, or refers to a key that was removed.
    """
    missing = sorted(OmegaConf.missing_keys(cfg))
    if missing:
        raise ConfigError(f"{missing[0]} is required and has no value; set {missing[0]}=...")
    try:
        OmegaConf.resolve(copy.deepcopy(cfg))
    except InterpolationKeyError as error:
        reason = str(error).splitlines()[0].removeprefix("Interpolation key ")
        raise ConfigError(f"{error.full_key} needs the key {reason}; do not remove it") from error


def check_groups(cfg: DictConfig) -> None:
    """Reject unknown keys in the mappings without a `_target_`: paths, callbacks and logger."""
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


def check_extras(cfg: DictConfig) -> None:
    """Check that the extras of every `_target_` are installed. Interpolations stay: they may import such packages."""
    extras.require("this command", [str(target) for _, target in targets(OmegaConf.to_container(cfg))])


def call(cfg: DictConfig) -> DictConfig:
    """Validate a command's config and reduce it to the arguments of its `_target_`.

    Args:
        cfg: The composed config. It is not modified.

    Returns:
        A resolved copy without those of the `SHARED` keys that the target does not take.

    Raises:
        ConfigError: A key is unknown, or a value is missing or invalid.
        MissingPackageError: An extra is not installed.
    """
    check_extras(cfg)
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
    """Yield the dotted path and the node of every mapping with a `_target_`, outer mappings first."""
    if isinstance(cfg, DictConfig):
        if "_target_" in cfg:
            yield path, cfg
        key: Any  # keys may be numbers, as in data.label_map
        for key in cfg:
            yield from nodes(cfg[key], f"{path}.{key}" if path else str(key))
    elif isinstance(cfg, ListConfig):
        for i, item in enumerate(cfg):
            yield from nodes(item, f"{path}[{i}]")


def flat_keys(cfg: Any, path: str = "") -> Iterator[str]:
    """Yield every dotted key of a config."""
    if isinstance(cfg, DictConfig):
        key: Any
        for key in cfg:
            name = f"{path}.{key}" if path else str(key)
            yield name
            if not OmegaConf.is_missing(cfg, key) and not OmegaConf.is_interpolation(cfg, key):
                yield from flat_keys(cfg[key], name)


register_resolvers()
