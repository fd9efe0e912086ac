"""Every YAML composes, every `_target_` binds to its signature, and a wrong key or value is one clear line."""

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict

from sentiment.cli import COMMANDS, main
from sentiment.compose import compose
from sentiment.config import call, check, precision, run_folder
from sentiment.resources import bundled

CONF = bundled("conf")
GROUPS = sorted(
    f"{path.parent.name}={path.stem}"
    for path in CONF.glob("*/*.yaml")
    if path.parent.name not in ("hydra", "engine", "paths")
)
GIVEN = {
    "package": ["run=x"],
    "evaluate": ["run=x"],
    "sweep-report": ["folder=x"],
    "deploy": ["run=x"],
    "predict": ["run=x", "input=a.csv", "output=b.csv"],
}


def composed(command, *overrides):
    cfg = compose(command, overrides)
    with open_dict(cfg):
        cfg.hydra.runtime.output_dir = "outputs/test"
    HydraConfig.instance().set_config(cfg)
    return OmegaConf.masked_copy(cfg, [key for key in cfg if key != "hydra"])


@pytest.mark.parametrize("choice", GROUPS)
def test_every_option_of_training_composes_and_binds(choice):
    cfg = composed("train", choice, *(["model.backbone=x"] if choice == "model=base" else []))
    OmegaConf.resolve(cfg)
    check(cfg)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "train"])
def test_every_command_composes_and_binds(command):
    cfg = composed(command, *GIVEN.get(command, []))
    assert "_target_" in call(cfg)


@pytest.mark.parametrize("engine", ["local", "rest"])
def test_a_batch_takes_either_engine(engine):
    assert "_target_" in call(composed("predict", f"engine={engine}", "run=x", "input=a", "output=b")).engine


@pytest.mark.parametrize(
    ("command", "override"), [("package", "version=2.0"), ("deploy", "version=2"), ("models", "default=2.0")]
)
def test_a_version_is_given_without_quotes(command, override):
    assert "_target_" in call(composed(command, *GIVEN.get(command, []), override))


def test_the_headline_experiment_is_as_published():
    cfg = composed("train", "experiment=imdb_bert")
    assert cfg.model.backbone == "bert-base-uncased"
    assert (cfg.model.lr, cfg.data.batch_size, cfg.trainer.max_epochs, cfg.data.max_length) == (2e-5, 32, 3, 256)
    assert cfg.data.hub == "stanfordnlp/imdb"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trainer.max_epoch=3"], "unknown key trainer.max_epoch; did you mean trainer.max_epochs?"),
        (["modle=minilm"], "unknown key modle; did you mean model?"),
        (["model=minlm"], "model has no option 'minlm'; choose one of: base, bert_base, minilm"),
        (
            ["+model.lrr=3"],
            "unknown key model.lrr: sentiment.model.SentimentClassifier takes no 'lrr'; did you mean lr?",
        ),
        (["model.lr=abc"], "model.lr=abc: expected a valid number, unable to parse string as a number"),
        (["model.lr=-1"], "model.lr=-1: expected greater than 0"),
        (["trainer.max_epochs=two"], "trainer.max_epochs=two: expected a valid integer"),
        (["data.batch_size=0"], "data.batch_size=0: expected greater than 0"),
        (["data.truncation=middle"], "data.truncation=middle: expected 'head', 'tail' or 'head_tail'"),
        (["model.lr==3"], "Error parsing override 'model.lr==3'"),
        (["resume=outputs/nowhere"], "resume=outputs/nowhere: there is no"),
    ],
)
def test_a_wrong_override_is_one_clear_line(overrides, message, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["train", *overrides])
    assert caught.value.code == 2
    error = capfd.readouterr().err.strip()
    assert error.splitlines()[-1].startswith(f"error: {message}")
    assert "Traceback" not in error
    assert not list(tmp_path.glob("outputs/*/metrics.json"))


def test_a_required_value_is_named(capfd):
    with pytest.raises(SystemExit):
        main(["package"])
    assert "error: run is required and has no value; set run=..." in capfd.readouterr().err


def test_precision_is_what_the_processor_has(monkeypatch):
    for native, expected in ((True, "bf16-mixed"), (False, "32-true")):
        monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda native=native: native)
        monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: False)
        assert precision("cpu") == expected


def test_a_resumed_run_keeps_its_folder():
    assert run_folder("outputs", "new", None) == "outputs/new"
    assert run_folder("outputs", "new", "outputs/old") == "outputs/old"
