"""Options of config groups: their names, and which option takes a key."""

from typing import Any

from omegaconf import OmegaConf

from sentiment.config.resources import bundled

PLACES = {"task": ("task", "task"), "model.loss": ("loss", None)}  # a node: its group, and the node in an option's file


def options_of(group: str) -> list[str]:
    """Return the names of a group's options, such as those of callbacks or hydra/launcher."""
    return sorted(file.stem for file in (bundled("conf") / group).glob("*.yaml"))


def option_of(key: str) -> str:
    """Return "; task=multi takes it" for a key that another option of its group takes; else an empty string."""
    parent, _, leaf = key.rpartition(".")
    group, node = PLACES.get(parent, ("", None))
    found = []
    for path in sorted((bundled("conf") / group).glob("*.yaml")) if group else []:
        option: Any = OmegaConf.load(path)
        if leaf in (option.get(node) or {} if node else option):
            found.append(f"{group}={path.stem}")
    return f"; {' and '.join(found)} take{'s' * (len(found) == 1)} it" if found else ""
