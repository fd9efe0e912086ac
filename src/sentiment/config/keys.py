"""The keys of a command that something reads; an override of any other is refused."""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sentiment.errors import ConfigError

# ${paths.cache}, and the keys in ${oc.select:model.backbone,null} or ${needed:server,${server}}
REFERENCE = re.compile(r"\$\{(?:oc\.select:)?([A-Za-z_][\w.]*)(?=[},])")
UNREAD = {  # keys of data that a command's use of it does not read
    "preprocess": ("window_step", "max_windows", "batch_size", "unlabelled", "seed"),
    "evaluate": (
        *("backbone", "backbone_revision", "cache_dir", "labels", "cleaning", "max_length", "truncation"),
        *("window_step", "max_windows", "batch_size", "unlabelled", "seed"),
    ),
}


def flat_keys(cfg: Any, path: str = "") -> Iterator[str]:
    """Yield every dotted key of a config."""
    if isinstance(cfg, DictConfig):
        key: Any
        for key in cfg:
            name = f"{path}.{key}" if path else str(key)
            yield name
            if not OmegaConf.is_missing(cfg, key) and not OmegaConf.is_interpolation(cfg, key):
                yield from flat_keys(cfg[key], name)


def check_effective(cfg: DictConfig, hydra: Any, *, read: Iterable[str]) -> None:
    """Raise ConfigError for an override of a key that neither an interpolation nor the command (`read`) reads."""
    command, choices = hydra.job.config_name, hydra.runtime.choices
    known = effective(cfg, read, unread=unread(command))
    every = set(flat_keys(cfg))
    for override in hydra.overrides.task:
        key = override.lstrip("+").partition("=")[0].partition("@")[0]
        if key in every and not override.startswith("~") and key not in known and key not in choices:
            engine = f" with engine={choices['engine']}" if "engine" in choices else ""
            raise ConfigError(f"{key} does nothing in sentiment {command}{engine}; leave it out")


def unread(command: str) -> tuple[str, ...]:
    return tuple(f"data.{key}" for key in UNREAD.get(command, ()))


def effective(cfg: DictConfig, read: Iterable[str], *, unread: Collection[str] = ()) -> set[str]:
    """Return every key below those `read`, and every key that the values of these refer to, over any distance."""
    known: set[str] = set()
    left = list(read)
    while left:
        key = left.pop()
        below = {key, *(name for name in below_of(cfg, key) if not_under(name, unread))}
        if key in unread or below <= known:
            continue
        known |= below | parents(key)
        left += [name for one in below for name in references(cfg, one)]
    return known


def below_of(cfg: DictConfig, key: str) -> Iterator[str]:
    node = OmegaConf.select(cfg, key, throw_on_missing=False) if not is_reference(cfg, key) else None
    return flat_keys(node, key) if isinstance(node, DictConfig) else iter(())


def not_under(name: str, keys: Collection[str]) -> bool:
    return not any(name == key or name.startswith(f"{key}.") for key in keys)


def parents(key: str) -> set[str]:
    parts = key.split(".")
    return {".".join(parts[:i]) for i in range(1, len(parts))}


def is_reference(cfg: DictConfig, key: str) -> bool:
    owner, name = owner_of(cfg, key)
    return owner is not None and name in owner and OmegaConf.is_interpolation(owner, name)


def references(cfg: DictConfig, key: str) -> list[str]:
    """Return the keys that the value of `key` refers to, if it is an interpolation."""
    owner, name = owner_of(cfg, key)
    if owner is None or name not in owner or not OmegaConf.is_interpolation(owner, name):
        return []
    return REFERENCE.findall(str(owner._get_node(name)._value()))  # type: ignore[union-attr]


def owner_of(cfg: DictConfig, key: str) -> tuple[DictConfig | None, str]:
    parent, _, name = key.rpartition(".")
    owner = OmegaConf.select(cfg, parent) if parent else cfg
    return (owner if isinstance(owner, DictConfig) else None), name
