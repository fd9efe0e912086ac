"""Allow-list of the classes that a saved config may instantiate.

A run folder may come from an untrusted source, so it must not choose which code runs.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import OverrideParseException
from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sentiment.config.resources import bundled
from sentiment.config.signatures import check_node, nodes
from sentiment.errors import ConfigError, DamagedFileError

ENVIRONMENT = "SENTIMENT_ALLOW_TARGETS"  # comma-separated names; a package ends with a dot
# groups of conf/ that a training run or a sweep uses
GROUPS = ("data", "model", "loss", "task", "trainer", "callbacks", "logger", "hparams_search", "hydra")
KINDS = {  # package to base class: its public subclasses are allowed, as documented
    "pytorch_lightning.callbacks": "pytorch_lightning.Callback",
    "pytorch_lightning.loggers": "pytorch_lightning.loggers.Logger",
    "pytorch_lightning.strategies": "pytorch_lightning.strategies.Strategy",
    "torch.optim": "torch.optim.Optimizer",
    "peft": "peft.PeftConfig",
    "optuna.samplers": "optuna.samplers.BaseSampler",
    "optuna.pruners": "optuna.pruners.BasePruner",
}
SWEEP_KEYS = re.compile(
    r"hydra/(sweeper|launcher)|hydra\.(sweeper|launcher)\..+|hydra\.sweep\.(dir|subdir)|hydra\.verbose"
)
# option names that stay inside conf/
OPTION = re.compile(r"([\w-]+(/[\w-]+)*)?|\[[\w-]+(/[\w-]+)*(, ?[\w-]+(/[\w-]+)*)*\]")


def instantiate_saved(config: DictConfig, key: str, *, source: str) -> Any:
    """Instantiate the node `key` of a config saved in `source`, after checking its targets and signatures.

    Raises:
        ConfigError: A `_target_` is not allowed, or the node does not fit its signature.
        DamagedFileError: The node is missing, or an interpolation in it does not resolve.
    """
    node = config.get(key)
    if not isinstance(node, DictConfig) or "_target_" not in node:
        raise DamagedFileError(f"{source} is damaged: it has no {key}._target_; restore it")
    try:
        plain = OmegaConf.create(OmegaConf.to_container(node, resolve=True, throw_on_missing=True))
    except OmegaConfBaseException as error:
        raise DamagedFileError(f"{source} is damaged: {key}: {str(error).splitlines()[0]}; restore it") from error
    check_targets({key: OmegaConf.to_container(plain)}, source=source)
    for path, mapping in nodes(plain, key):
        check_node(path, mapping)
    return instantiate(plain)


def check_targets(value: Any, *, source: str, given: Sequence[str] = ()) -> None:
    """Raise ConfigError for the first `_target_` that is neither allowed nor contained in one of the `given` texts."""
    for path, target in targets(value):
        if not is_allowed(target) and not any(str(target) in text for text in given):
            raise ConfigError(
                f"{source} names {path}={target}, which is no class of this project; if it is yours, allow it with "
                f"{ENVIRONMENT}={target} in the environment (a package by its name and a dot)"
            )


def check_saved_overrides(overrides: Iterable[str], *, source: str, groups: Sequence[str]) -> None:
    """Reject saved overrides that would choose code before the composed config can be checked.

    Raises:
        ConfigError: An override sets a Hydra key, a config group or a target that is not allowed.
        DamagedFileError: Hydra cannot parse an override.
    """
    for text in overrides:
        key = text.lstrip("+~").partition("=")[0].partition("@")[0]
        try:
            [parsed] = OverridesParser.create().parse_overrides([text])
        except (OverrideParseException, ValueError) as error:
            raise DamagedFileError(f"{source} is damaged: {text!r} is no override; restore it") from error
        value = text.partition("=")[2]
        of_hydra = key.split(".")[0].split("/")[0] == "hydra"
        if of_hydra and (not SWEEP_KEYS.fullmatch(key) or "${" in value):
            raise ConfigError(f"{source} sets {text}, which resume= does not take over; give it on the command line")
        if ("/" in key or key in groups) and not OPTION.fullmatch(value.strip("'")):
            raise ConfigError(f"{source} sets {text}, which is no option of {key}; give it on the command line")
        if of_hydra:
            found = parsed.value() if not parsed.is_delete() else None
            last = key.rpartition(".")[2]
            check_targets({last: found} if last == "_target_" else found, source=source)


def is_allowed(target: Any) -> bool:
    if not isinstance(target, str):
        return False
    if target in shipped_targets() or any(
        target == name or (name.endswith(".") and target.startswith(name))
        for name in os.environ.get(ENVIRONMENT, "").replace(" ", "").split(",")
        if name
    ):
        return True
    package, _, name = target.rpartition(".")
    return package in KINDS and name.isidentifier() and not name.startswith("_") and is_kind(target, KINDS[package])


def is_kind(target: str, kind: str) -> bool:
    try:
        found, base = get_object(target), get_object(kind)
    except (ImportError, ValueError, AttributeError):
        return False
    return isinstance(found, type) and issubclass(found, base)


@cache
def shipped_targets() -> frozenset[str]:
    """Collect every `_target_` in conf/train.yaml and the config groups of a training run."""
    conf = bundled("conf")
    files = [conf / "train.yaml", *(path for group in GROUPS for path in (conf / group).rglob("*.yaml"))]
    named = (OmegaConf.to_container(OmegaConf.load(path)) for path in files)
    return frozenset(str(target) for config in named for _, target in targets(config))


def targets(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted path and the value of every `_target_` in plain mappings and lists."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            name = f"{path}.{key}" if path else str(key)
            if str(key) == "_target_":
                yield name, inner
            else:
                yield from targets(inner, name)
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            yield from targets(inner, f"{path}[{i}]")
