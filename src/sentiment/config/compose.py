"""Hydra entry points of the commands, and one-line explanations of Hydra's errors."""

import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from string import Template
from typing import Any

import hydra
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig, OmegaConf, flag_override
from omegaconf.errors import InterpolationResolutionError, OmegaConfBaseException

from sentiment.config.bounds import GONE, OWNED
from sentiment.config.check import of_resolver, require_folder
from sentiment.config.hints import check_hints
from sentiment.config.keys import flat_keys
from sentiment.config.options import option_of, options_of
from sentiment.config.overrides import part_flags, read, text
from sentiment.config.renamed import refuse_old_keys
from sentiment.config.resources import bundled
from sentiment.config.signatures import nearest, nearest_key
from sentiment.errors import ConfigError, MissingPackageError, SentimentError, store_error, user_error
from sentiment.shell import for_shell, quote

VERSION_BASE = "1.3"
FOLDERS = ("hydra.run.dir", "hydra.sweep.dir")  # besides paths.*: made or read before the config is checked


def prepare(command: str, given: Sequence[str]) -> list[str]:
    """Return the words after a command as Hydra takes them. Raises ConfigError for those that would mislead it."""
    refuse_old_keys(command, given)
    check_hints(command, given, [*groups(command), *map(str, OmegaConf.load(bundled("conf") / f"{command}.yaml"))])
    words = read(given, groups(command))
    check_folders(words)
    if (text(words, "hydra.job.chdir") or "").lower() == "true":
        raise ConfigError(
            "hydra.job.chdir=true: relative paths are those of the folder that the command is started in; leave it out"
        )
    return words


def check_folders(words: Sequence[str]) -> None:
    """Raise ConfigError for a folder that is named by nothing: below it is the root, or the working directory."""
    plain = [word.lstrip("+") for word in words]
    paths = map(str, OmegaConf.load(bundled("conf") / "paths/default.yaml"))
    for key in (*FOLDERS, *(f"paths.{name}" for name in paths)):
        if any(word.startswith(f"{key}=") for word in plain):
            require_folder(key, text(plain, key))


def as_overrides(**settings: str | None) -> list[str]:
    """Return settings as overrides, without those that are None. Raises ConfigError for one that is no text."""
    for key, value in settings.items():
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"{key}={value!r}: expected a text, got {type(value).__name__}")
    return [f"{key}={quote(value)}" for key, value in settings.items() if value is not None]


def check_overrides(overrides: Sequence[str]) -> list[str]:
    """Return the overrides of a Python call. Raises ConfigError for a bare text, another type, or a flag."""
    if isinstance(overrides, str):
        raise ConfigError(f"overrides={overrides!r}: expected a list of texts, overrides=[{overrides!r}]")
    for word in overrides:
        if not isinstance(word, str):
            raise ConfigError(f"overrides: expected texts such as 'seed=1', got {word!r}")
        if word.startswith("-"):
            raise ConfigError(f"overrides: {word} is a flag of the command line; give settings as key=value")
        if "=" not in word and not word.startswith("~"):
            raise ConfigError(f"overrides: {word!r} sets nothing; give settings as key=value")
    return list(overrides)


@contextmanager
def user_errors(command: str) -> Iterator[None]:
    """Raise what a user can correct as a SentimentError in one line; let a defect of this project through."""
    try:
        yield
    except SentimentError:
        raise
    except InstantiationException as error:
        if (known := user_error(error)) is None:
            raise
        raise known  # noqa: B904, it is among the causes of the error
    except InterpolationResolutionError as error:
        inner = of_resolver(error)
        raise inner if inner is not error else explain(command, error) from error
    except (HydraException, OmegaConfBaseException) as error:  # some of Hydra's are OSErrors too
        raise explain(command, error) from error
    except OSError as error:
        raise SentimentError(str(user_error(error))) from error
    except Exception as error:  # packages of object stores raise types of their own
        if (known := store_error(error)) is None:
            raise
        raise known from error


def launch(command: str, overrides: Sequence[str], task: Callable[[DictConfig], Any]) -> None:
    """Run `task` through Hydra, which reads overrides and flags (-m, --cfg, --help) from the command line."""
    flags, words = part_flags(overrides)
    if flags in (["--help"], ["-h"]):
        print(help_of(command, words))
        return
    os.environ.setdefault("HYDRA_FULL_ERROR", "1")  # Hydra re-raises errors instead of exiting
    sys.argv = [f"sentiment {command}", *overrides]
    main = hydra.main(version_base=VERSION_BASE, config_path=str(bundled("conf")), config_name=command)
    main(task)()


def help_of(command: str, overrides: Sequence[str]) -> str:
    """Return a command's help as Hydra prints it, which takes three times as long: it lists all its own groups too."""
    cfg, conf = compose(command, overrides), bundled("conf")
    template = Template(cfg.hydra.help.template)
    names = sorted(str(folder.relative_to(conf)) for folder in conf.rglob("*") if folder.is_dir())
    own = [f"{name}: {', '.join(options_of(name))}\n" for name in names if name.partition("/")[0] != "hydra"]
    with flag_override(cfg, ["struct", "readonly"], False):
        del cfg["hydra"]
    return template.substitute(APP_CONFIG_GROUPS="".join(own), CONFIG=OmegaConf.to_yaml(cfg))


def compose(command: str, overrides: Sequence[str] = ()) -> DictConfig:
    """Compose a command's config without running it; Hydra's settings are under `hydra`."""
    with hydra.initialize_config_dir(str(bundled("conf")), version_base=VERSION_BASE):
        return hydra.compose(command, list(overrides), return_hydra_config=True)


def explain(command: str, error: BaseException) -> ConfigError:
    """Convert a Hydra or OmegaConf error to a one-line ConfigError that suggests the nearest valid key."""
    text = str(error)
    if found := re.search(r"Could not override '([^']+)'", text):
        key = found[1]
        if command == "train" and key in GONE:
            return ConfigError(GONE[key])
        if key.startswith("trainer.") and (reason := OWNED.get(key.removeprefix("trainer."))):
            return ConfigError(f"{key} is not yours to set: {reason}")
        if "No match in the defaults list" in text:
            known = [*compose(command).hydra.runtime.choices, "experiment", "debug", "hparams_search"]
            return ConfigError(f"unknown config group {key!r}{nearest(key, known)}")
        group, _, name = key.rpartition(".")[0].partition(".")
        missing = re.search(r"full_key: (\S+)", str(error.__cause__))
        lacks = missing is not None and missing[1] == f"{group}.{name}"
        if lacks and group == "callbacks" and (bundled("conf") / group / f"{name}.yaml").is_file():
            return ConfigError(f"{key}: this run has no {name}; add it with +callbacks={name}")
        if (root := key.partition(".")[0]) != key and groups(command).get(root, root) is None:
            names = ", ".join(options_of(root))
            return ConfigError(f"{key}: no option of {root} is chosen; give {root}=NAME too, one of {names}")
        near = option_of(key) or nearest_key(key, [known for known in _keys(command, key) if known != key])
        if not near and name and missing and missing[1] == key:  # an argument that the file of its class does not list
            near = f"; where its class takes it, add it with a plus sign: +{key}=VALUE"
        return ConfigError(f"unknown key {key}{near or f'; sentiment {command} --help lists them'}")
    # "Could not load", too, where the option stands in a list
    if found := re.search(r"(?:Could not find|In '\w+': Could not load) '([^']+)'", text):
        group, _, name = found[1].rpartition("/")
        options = re.findall(r"^\t(\S+)$", text.partition("Config search path")[0], flags=re.MULTILINE)
        options = options or options_of(group)
        choices = f"{nearest(name, options) or ';'} choose one of: {', '.join(options)}" if options else ""
        return ConfigError(f"{group} has no option {name!r}{choices}")
    if found := re.search(r"'(hydra/launcher)/(\w+)': Could not load 'hydra/launcher/(joblib|submitit)", text):
        extra = {"joblib": "sweep", "submitit": "slurm"}[found[3]]
        return MissingPackageError(f"{found[1]}={found[2]}", modules=[f"hydra_{found[3]}_launcher"], extras=[extra])
    if found := re.search(r"Ambiguous value for argument '([^=]+)=(.*?)'\n", text):
        return ConfigError(
            f"{found[1]}={found[2]}: commas separate the values of a sweep (-m) or of a list [a,b]; where it is one "
            f"text, quote it: {for_shell(found[1], found[2])}"
        )
    if found := re.search(r"Missing mandatory value: (\S+)", text):
        return ConfigError(f"{found[1]} is required and has no value; set {found[1]}=...")
    if (found := re.match(r"Error merging override (.+)", text)) and error.__cause__:
        return ConfigError(f"{found[1]}: {str(error.__cause__).splitlines()[0]}")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return ConfigError("; ".join(lines[:2]) or type(error).__name__)


def _keys(command: str, like: str) -> list[str]:
    """List the keys to suggest: hydra.* keys if `like` is one (for train the Optuna sweeper's too), else all others."""
    hydra = like.startswith("hydra.")
    given = ["hydra/sweeper=optuna"] if command == "train" and hydra else []
    return [key for key in flat_keys(compose(command, given)) if key.startswith("hydra.") == hydra]


def groups(command: str) -> dict[str, str | None]:
    """Read the config groups of a command and their default options from its defaults list."""
    config: Any = OmegaConf.load(bundled("conf") / f"{command}.yaml")
    defaults = config.get("defaults", [])
    entries = [entry for entry in defaults if isinstance(entry, DictConfig)]
    named = {str(name): entry[name] for entry in entries for name in entry}
    return {name: option for name, option in named.items() if not name.startswith(("override ", "optional "))}
