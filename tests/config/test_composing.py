"""Every command and every option of conf/ composes and binds."""

import importlib.util
import inspect

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.utils import get_object
from omegaconf import OmegaConf, open_dict

from sentiment.config.check import call
from sentiment.config.commands import commands
from sentiment.config.compose import compose, prepare
from sentiment.config.resources import bundled
from sentiment.config.signatures import check_node, nodes
from sentiment.errors import ConfigError
from sentiment.training.check import check, complete

CONF = bundled("conf")
GROUPS = sorted(
    f"{path.parent.name}={path.stem}"
    for path in CONF.glob("*/*.yaml")
    if path.parent.name not in ("hydra", "engine", "paths", "local", "management", "remote", "callbacks")
    and path.stem not in ("mlflow", "wandb")
)
GIVEN = {
    "export": ["run=x"],
    "review": ["run=x"],
    "package": ["run=x"],
    "evaluate": ["run=x"],
    "sweep-report": ["folder=x"],
    "deploy": ["run=x"],
    "predict": ["run=x", "input=a.csv", "output=b.csv"],
    "monitor": ["input=a.csv", "output=b"],
    "verify": ["output=b.csv"],
}


ADAPT = ["experiment=adapt", "data.texts=a.txt"]  # its options belong together


def composed(command, *overrides):
    cfg = compose(command, overrides)
    with open_dict(cfg):
        cfg.hydra.runtime.output_dir = "outputs/test"
    HydraConfig.instance().set_config(cfg)
    return OmegaConf.masked_copy(cfg, [key for key in cfg if key != "hydra"])


def called(command, *overrides):
    return call(composed(command, *overrides), HydraConfig.get())


@pytest.mark.parametrize("choice", GROUPS)
def test_every_option_of_training_composes_and_binds(choice):
    also = {"model=base": ["model.backbone=x"], "loss=corn": ["task=scale"], "loss=squared": ["task=scale"]}
    also |= dict.fromkeys(["model=masked", "task=masked", "data=texts", "experiment=adapt"], ADAPT)
    also |= dict.fromkeys(("loss=binary_cross_entropy", "loss=binary_focal"), ["task=multi"])
    cfg = composed("train", choice, *also.get(choice, []))
    OmegaConf.resolve(cfg)
    check(cfg)


@pytest.mark.parametrize(
    "given", [["callbacks=[default,ema,early_stopping,lr_finder]"], ["+callbacks=ema"], ["callbacks=null"]]
)
def test_callbacks_combine(given):
    cfg = complete(composed("train", *prepare("train", given)))
    check(cfg)
    assert ("ema" in cfg.callbacks) == (given[0] != "callbacks=null")
    assert "best" in cfg.callbacks


@pytest.mark.parametrize(
    ("given", "loggers"),
    [
        ([], ["csv"]),
        (["+logger=tensorboard"], ["csv", "tensorboard"]),
        (["logger=tensorboard"], ["tensorboard"]),
        (["logger=[csv,tensorboard]"], ["csv", "tensorboard"]),
        (["logger=null", "+logger=tensorboard"], ["tensorboard"]),
        (["logger=null"], []),
    ],
)
def test_loggers_combine(given, loggers):
    cfg = complete(composed("train", *prepare("train", given)))
    check(cfg)
    assert list(cfg.logger) == loggers


@pytest.mark.parametrize("command", [command for command in commands() if command != "train"])
def test_every_command_composes_and_binds(command):
    assert "_target_" in called(command, *GIVEN.get(command, []))


DIFFERENT = {  # a health check waits less than a job; what a run is made of is no default of a class
    "Client": {"timeout", "pauses"},
    "Cleaning": {"emoji"},
    "ProgressBar": {"leave"},
    "launch": {"run"},
    "SentimentClassifier": {"lr", "new_tokens", "attention_dropout"},
}


@pytest.mark.parametrize("command", commands())
def test_a_default_of_conf_is_that_of_the_signature(command):
    """So that Python, the command and --help speak of one value, though two places need it."""
    cfg = compose(command, [word for word in GIVEN.get(command, []) if "=" in word])
    with open_dict(cfg):
        cfg.hydra.runtime.output_dir = "outputs/test"
    HydraConfig.instance().set_config(cfg)
    for path, node in nodes(OmegaConf.masked_copy(cfg, [key for key in cfg if key != "hydra"])):
        if not str(target := node["_target_"]).startswith("sentiment."):
            continue
        parameters = inspect.signature(get_object(target)).parameters
        values = OmegaConf.to_container(node)
        other = {
            key: value
            for key, value in values.items()
            if key in parameters
            and parameters[key].default is not inspect.Parameter.empty
            and isinstance(value, str | int | float | list | None)
            and not str(value).startswith("${")
            and (tuple(value) if isinstance(value, list) else value) != parameters[key].default
        }
        given = {word.partition("=")[0] for word in GIVEN.get(command, [])}
        assert set(other) - given <= DIFFERENT.get(str(target).rpartition(".")[2], set()), path


@pytest.mark.parametrize("path", sorted((CONF / "hydra" / "launcher").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_launcher_of_a_sweep_composes_and_binds(path):
    cfg = compose("train", [f"hydra/launcher={path.stem}"])
    check_node("hydra.launcher", cfg.hydra.launcher)


@pytest.mark.parametrize("engine", ["local", "rest", "ray"])
def test_a_batch_takes_either_engine(engine):
    given = [] if engine == "rest" else ["run=x"]
    assert "_target_" in called("predict", f"engine={engine}", *given, "input=a", "output=b").engine


@pytest.mark.parametrize(
    ("command", "override"), [("package", "version=2.0"), ("deploy", "version=2"), ("models", "default=2.0")]
)
def test_a_version_is_given_without_quotes(command, override):
    assert "_target_" in called(command, *GIVEN.get(command, []), override)


def test_the_headline_experiment_is_as_published():
    cfg = composed("train", "experiment=imdb_bert")
    assert cfg.model.backbone == "bert-base-uncased"
    assert (cfg.model.lr, cfg.data.batch_size, cfg.trainer.max_epochs, cfg.data.max_length) == (2e-5, 32, 3, 256)
    assert cfg.data.hub == "stanfordnlp/imdb"


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_a_logger_that_is_not_installed_says_how_to_get_it(name):
    if importlib.util.find_spec(name):
        check(composed("train", f"logger={name}"))
    else:
        with pytest.raises(ConfigError, match=rf"logger.{name} needs {name}; pip install 'bert-sentiment\[{name}\]'"):
            check(composed("train", f"logger={name}"))
