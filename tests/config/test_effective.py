"""Every key of conf/ is read by something in each command that has it, or an override of it is refused.

A key is read if the command's function takes it, or a class that the config builds, or a key that is read refers to it.
Of our own functions and classes the source is looked at: a parameter that the body never loads would be a dead key.
"""

import ast
import inspect
import textwrap
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path

import pytest
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf, open_dict

import sentiment
from sentiment.config.commands import commands
from sentiment.config.compose import compose
from sentiment.config.keys import check_effective, effective, flat_keys, unread
from sentiment.config.resources import bundled
from sentiment.config.signatures import SPECIAL
from sentiment.errors import ConfigError
from sentiment.inference.predictor import Predictor
from sentiment.training.check import TRAINING

SOURCE = Path(sentiment.__file__).parent
ENGINES = {"predict": ("local", "ray", "rest"), "monitor": ("local", "ray", "rest"), "ui": ("local", "rest")}
CASES = [
    (command, words)
    for command in commands()
    if command != "train"
    for words in [(f"engine={engine}",) for engine in ENGINES.get(command, ())] or [()]
] + [("evaluate", ("data=files",))]
OPTIONS = sorted(
    f"{group}={path.stem}"
    for group in ("data", "model", "loss", "task", "trainer", "logger", "debug", "experiment")
    for path in (bundled("conf") / group).glob("*.yaml")
)
TRAIN = [(option, "~loss") if option == "model=masked" else (option,) for option in OPTIONS] + [
    ("callbacks=[default,ema,early_stopping,lr_finder]",),
    ("hparams_search=optuna",),
    ("hydra/launcher=ray",),
]


def composed(command, words):
    cfg = compose(command, words)
    with open_dict(cfg):
        hydra = cfg.pop("hydra")
    return cfg, hydra


def parameters_read(command, cfg):
    """The top-level keys that a command's function takes."""
    return [str(key) for key in cfg if key in inspect.signature(get_object(cfg["_target_"])).parameters]


@cache
def loaded_attributes():
    """The names of all attributes that our code reads."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")]
    return {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


@cache
def loaded_names(target):
    """The names that the body of a function, or of a class's constructor, reads; None where it takes all of them."""
    function = target.__init__ if inspect.isclass(target) else target
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    body = [node for statement in tree.body[0].body for node in ast.walk(statement)]
    names = {node.id for node in body if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return None if "locals" in names else names


def is_read(dotted, key):
    """Whether our own target reads a parameter; that of another library is what its signature says."""
    target = get_object(dotted)
    if not dotted.startswith(("sentiment.", "hydra_plugins.sentiment")):
        return True
    owner = get_object(dotted.rpartition(".")[0]) if inspect.ismethod(target) else inspect.unwrap(target)
    if inspect.isclass(owner) and is_dataclass(owner) and key in {field.name for field in fields(owner)}:
        return key in loaded_attributes()
    names = loaded_names(target)
    if names is not None and "settings" in names:  # handed on to Predictor.from_pretrained, which declares them
        names = names | loaded_names(Predictor.from_pretrained)
    return key in loaded_attributes() if names is None else key in names


def targets_of(cfg, path=""):
    """The dotted path, target and keys of every mapping that builds something."""
    if isinstance(cfg, DictConfig):
        if cfg.get("_target_"):
            yield path, cfg["_target_"], [str(key) for key in cfg if key not in SPECIAL]
        for key in cfg:
            if not OmegaConf.is_missing(cfg, key) and not OmegaConf.is_interpolation(cfg, key):
                yield from targets_of(cfg[key], f"{path}.{key}" if path else str(key))


def dead(cfg, *, shared=()):
    """The keys of mappings with a `_target_` that the target does not read."""
    return [
        f"{path}.{key} of {dotted}"
        for path, dotted, keys in targets_of(cfg)
        for key in keys
        if not (path == "" and key in shared) and not is_read(dotted, key)
    ]


@pytest.mark.parametrize(("command", "words"), CASES, ids=[" ".join((c, *w)) for c, w in CASES])
def test_every_key_of_a_command_is_read_or_refused(command, words):
    cfg, hydra = composed(command, words)
    read = parameters_read(command, cfg)
    known = effective(cfg, read, unread=unread(command))
    assert dead(cfg, shared=set(cfg) - set(read)) == []
    for key in flat_keys(cfg):
        if key.rpartition(".")[2] in SPECIAL or key in known or key in hydra.runtime.choices:
            continue
        with open_dict(hydra):
            hydra.overrides.task = [f"{key}=1"]
        with pytest.raises(ConfigError, match=f"{key} does nothing in sentiment {command}"):
            check_effective(cfg, hydra, read=read)


@pytest.mark.parametrize("command", [command for command in commands() if command != "train"])
def test_a_key_of_a_command_itself_is_no_dead_one(command):
    """Keys that are refused come from groups that commands share; those of the command's own file all do something."""
    own = OmegaConf.load(bundled("conf") / f"{command}.yaml")
    cfgs = [composed(command, words)[0] for name, words in CASES if name == command]
    known = set().union(*(effective(cfg, parameters_read(command, cfg)) for cfg in cfgs))
    assert [key for key in own if key not in ("defaults", "hydra", "_target_") and key not in known] == []


@pytest.mark.parametrize("words", TRAIN, ids=" ".join)
def test_every_key_of_training_is_read(words):
    cfg, hydra = composed("train", words)
    assert dead(cfg) == []
    assert dead(hydra.sweeper) == dead(hydra.launcher) == []
    switches = [key.rpartition(".")[2] for key in TRAINING] + ["convert"]
    assert [key for key in switches if key not in loaded_attributes()] == []
    wired = {path.split(".")[0] for path, _, _ in targets_of(cfg)}
    plain = [key for key in cfg if key not in wired and key not in ("paths", "logger", "callbacks")]
    assert set(plain) <= {key.split(".")[0] for key in TRAINING}


def test_the_settings_of_preprocess_and_evaluate_that_are_refused_are_parameters_of_the_data():
    """A new key of data is read by both, unless it is listed as one that they do not read."""
    parameters = inspect.signature(get_object("sentiment.data.SentimentData")).parameters
    for command in ("preprocess", "evaluate"):
        assert {key.removeprefix("data.") for key in unread(command)} <= set(parameters)
