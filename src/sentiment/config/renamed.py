"""Names of earlier releases: refused on the command line, read in the run folders and sweeps that hold them."""

import re
from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf, open_dict

from sentiment.errors import ConfigError

MODULES = {  # old module to current module, relative to the sentiment package
    "callbacks": "training.callbacks",
    "conversion": "export",
    "model": "training.model",
    "optimizers": "training.optimizers",
    "sweep": "training.sweeps",
    "text": "inference.preprocessing",
}
OLD = re.compile(rf"""(_target_\s*[:=]\s*['"]?sentiment\.)({"|".join(MODULES)})(?=\.)""")

KEYS = {  # old key to current key, of every command
    "paths.outputs": "paths.output_dir",
    "model.class_weights": "model.loss.weights",
    "model.label_smoothing": "model.loss.label_smoothing",
    "model.warmup": "model.warmup_ratio",
    "model.scheduler_args": "model.lr_scheduler_kwargs",
    "data.window_stride": "data.window_step",
    "engine.window_stride": "engine.window_step",
    "package.window_stride": "package.window_step",
    "engine.url": "server",
}
SWITCHES = {name: f"after_training.{name}" for name in ("test", "calibrate", "convert", "baseline")}
STORE = {"store": "model_store"}
COMMANDS = {  # as KEYS, of one command
    "demo": {**STORE, "outputs": "output_dir"},
    "deploy": {**STORE, "management.url": "management_url"},
    "models": {**STORE, "management.url": "management_url"},
    "package": {**STORE, "window_stride": "window_step"},
    "rollback": {**STORE, "management.url": "management_url"},
    "train": SWITCHES,
    "verify": {"url": "server"},
    "serve": {**STORE, "folder": "work_dir", "tokens": "token_auth"},
}
REFERENCE = re.compile(rf"(\$\{{)({'|'.join(map(re.escape, KEYS))})(?=\}})")
COMBINED = {  # a group's option that stood for several, as an override: those options
    **{f"callbacks={name}": f"callbacks=[default,{name}]" for name in ("ema", "early_stopping", "lr_finder")},
    **{f"logger={name}": f"logger=[csv,{name}]" for name in ("tensorboard", "mlflow", "wandb")},
    "logger=many": "logger=[csv,tensorboard,mlflow]",
}
ADDED = {"model.new_tokens": "null"}  # key that earlier configs lack: the value that does what was done without it
SEARCHED = "hydra.sweeper.params."  # prefix of the keys that a search varies


def current_names(text: str) -> str:
    """Replace old module names in every `_target_`, and old keys in every reference, of a saved config or override."""
    text = OLD.sub(lambda match: match[1] + MODULES[match[2]], text)
    return REFERENCE.sub(lambda match: match[1] + KEYS[match[2]], text)


def current_key(key: str, command: str = "train") -> str:
    """Return the current name of a key; the key itself if it was not renamed."""
    if key.startswith(SEARCHED):
        return SEARCHED + current_key(key.removeprefix(SEARCHED), command)
    renamed = {**KEYS, **COMMANDS.get(command, {})}
    old = next((old for old in renamed if key == old or key.startswith(f"{old}.")), None)
    return key if old is None else renamed[old] + key.removeprefix(old)


def current_override(override: str) -> str:
    """Return a saved override of a training run with the current name of its key."""
    sign, key, rest = re.fullmatch(r"([+~]*)([^=]*)(.*)", override, re.DOTALL).groups()  # type: ignore[union-attr]
    return COMBINED.get(override) or f"{sign}{current_key(key)}{rest}"


def current_config(cfg: DictConfig) -> DictConfig:
    """Return the saved config of a training run with the current name of every key."""
    for old, new in {**KEYS, **SWITCHES}.items():
        parent, _, name = old.rpartition(".")
        owner = OmegaConf.select(cfg, parent) if parent else cfg
        if isinstance(owner, DictConfig) and name in owner:
            with open_dict(cfg):
                OmegaConf.update(cfg, new, owner._get_node(name))
                owner.pop(name)
    return cfg


def fill_added_keys(cfg: DictConfig, overrides: Sequence[str]) -> list[str]:
    """Return overrides that keep a saved training run as it was, for the keys that its config does not have yet."""
    given = {override.lstrip("+~").partition("=")[0] for override in overrides}
    missing = (key for key in ADDED if OmegaConf.select(cfg, key, default=given) is given and key not in given)
    return [f"{key}={ADDED[key]}" for key in missing]


def refuse_old_keys(command: str, overrides: Sequence[str]) -> None:
    """Raise ConfigError for the first override of a command that sets a key by its old name."""
    for override in overrides:
        key, equals, value = override.lstrip("+~").partition("=")
        if (new := current_key(key, command)) != key:
            raise ConfigError(f"{key} is called {new} now; give {new}{equals}{value}")
