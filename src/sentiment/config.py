"""The config held against the signatures it wires: an unknown key or a wrong value fails before any work starts."""

import copy
import difflib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf
from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from sentiment.errors import ConfigError
from sentiment.resources import bundled

SHARED = {"paths", "model", "seed", "run"}  # what other keys of a command refer to
SPECIAL = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}


def register_resolvers() -> None:
    """What conf/ may use: ${bundled:data/demo}, ${precision:cpu}, ${run_folder:outputs,name,resume}."""
    OmegaConf.register_new_resolver("bundled", lambda name: str(bundled(name)), replace=True)
    OmegaConf.register_new_resolver("precision", precision, replace=True)
    OmegaConf.register_new_resolver("run_folder", run_folder, replace=True)


def precision(accelerator: str) -> str:
    """bf16-mixed where the processor multiplies bf16 matrices natively, else 32-true."""
    import torch

    if accelerator in ("gpu", "cuda") or (accelerator == "auto" and torch.cuda.is_available()):
        return "bf16-mixed" if torch.cuda.is_bf16_supported(including_emulation=False) else "32-true"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if native else "32-true"


def run_folder(outputs: str, run_name: str, resume: str | None) -> str:
    return resume or str(Path(outputs) / run_name)


def check(cfg: DictConfig) -> None:
    """ConfigError for the first key or value under a `_target_` that its signature does not take."""
    require(cfg)
    for path, node in nodes(cfg):
        check_node(path, node)


def require(cfg: DictConfig) -> None:
    """ConfigError for the first key that is still ???."""
    missing = sorted(OmegaConf.missing_keys(cfg))
    if missing:
        raise ConfigError(f"{missing[0]} is required and has no value; set {missing[0]}=...")


def call(cfg: DictConfig) -> DictConfig:
    """A command's config as the one checked call it stands for: its `_target_` and keys, without the shared ones."""
    require(cfg)
    cfg = copy.deepcopy(cfg)
    OmegaConf.resolve(cfg)
    parameters = inspect.signature(get_object(cfg["_target_"])).parameters
    wanted = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key in parameters or key not in SHARED])
    check(wanted)
    return wanted


def nodes(cfg: Any, path: str = "") -> Iterator[tuple[str, DictConfig]]:
    """Every mapping with a `_target_`, with its dotted path, outer ones first."""
    if isinstance(cfg, DictConfig):
        if "_target_" in cfg:
            yield path, cfg
        for key in map(str, cfg):
            yield from nodes(cfg[key], f"{path}.{key}" if path else key)
    elif isinstance(cfg, ListConfig):
        for i, item in enumerate(cfg):
            yield from nodes(item, f"{path}[{i}]")


def check_node(path: str, node: DictConfig) -> None:
    target = get_object(node["_target_"])
    parameters = inspect.signature(target).parameters
    hints = type_hints(target)
    takes_any = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    for key in (str(key) for key in node if key not in SPECIAL):
        name = f"{path}.{key}" if path else key
        if key not in parameters and not takes_any:
            raise ConfigError(f"unknown key {name}: {node['_target_']} takes no {key!r}{nearest(key, parameters)}")
        value = node[key]
        if key in hints and not any(isinstance(part, DictConfig) for part in as_list(value)):  # those are made later
            plain = OmegaConf.to_container(value, resolve=True) if isinstance(value, ListConfig) else value
            check_value(name, plain, hints[key])


def as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, ListConfig) else [value]


def check_value(name: str, value: Any, hint: Any) -> None:
    try:
        TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True)).validate_python(value)
    except ValidationError as error:
        reasons = dict.fromkeys(problem["msg"].removeprefix("Input should be ") for problem in error.errors())
        raise ConfigError(f"{name}={value}: expected {' or '.join(reasons)}") from error
    except PydanticUserError:
        return  # a type that cannot be checked, such as a class of another library


def type_hints(target: Any) -> dict[str, Any]:
    """The annotations of a class's constructor or of a function; none where they cannot be resolved."""
    try:
        return get_type_hints(target.__init__ if inspect.isclass(target) else target, include_extras=True)
    except (NameError, TypeError):
        return {}


def nearest(key: str, names: Any) -> str:
    """ "; did you mean X?" for the closest of `names`, or nothing."""
    close = difflib.get_close_matches(key, [str(name) for name in names], n=1)
    return f"; did you mean {close[0]}?" if close else ""


def flat_keys(cfg: Any, path: str = "") -> Iterator[str]:
    """Every dotted key of a config."""
    if isinstance(cfg, DictConfig):
        for key in map(str, cfg):
            name = f"{path}.{key}" if path else key
            yield name
            if not OmegaConf.is_missing(cfg, key) and not OmegaConf.is_interpolation(cfg, key):
                yield from flat_keys(cfg[key], name)


register_resolvers()
