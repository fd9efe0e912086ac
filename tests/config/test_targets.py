"""A run folder from elsewhere does not choose what code runs."""

import shutil
import sys

import pytest
from omegaconf import OmegaConf

from sentiment.cli import main
from sentiment.config.resources import bundled
from sentiment.config.targets import check_saved_overrides, instantiate_saved, is_allowed, targets
from sentiment.errors import ConfigError, DamagedFileError

GROUPS = ("data", "model", "trainer", "callbacks", "logger", "experiment")


@pytest.mark.parametrize(
    "target",
    [
        "sentiment.data.SentimentData",
        "sentiment.inference.preprocessing.Cleaning",
        "pytorch_lightning.callbacks.EarlyStopping",
        "pytorch_lightning.loggers.CSVLogger",
        "torch.optim.SGD",
        "peft.LoraConfig",
        "optuna.samplers.CmaEsSampler",
        "hydra_plugins.sentiment_sweepers.OptunaSweeper",
    ],
)
def test_what_the_documentation_names_is_allowed(target):
    assert is_allowed(target)


@pytest.mark.parametrize(
    "target",
    [
        "pandas.read_pickle",
        "os.system",
        "sentiment.files.replacing.os.system",  # a way through a module of ours
        "sentiment.files.write_text",
        "sentiment.serving.archive.package",
        "sentiment.cli.main",
        "pytorch_lightning.callbacks.os.system",
        "pytorch_lightning.callbacks.lambda_function.os.system",
        "torch.optim.lr_scheduler",
        "torch.load",
        "hydra.utils.get_method",
        "sentiment.data.SentimentData.__init__",
        "",
        None,
        ["os.system"],
    ],
)
def test_anything_else_is_not(target):
    assert not is_allowed(target)


def test_whatever_a_run_or_a_sweep_of_this_project_saves_is_allowed():
    """A killed search is gone on with, its pruning callback included."""
    conf = bundled("conf")
    defaults = OmegaConf.load(conf / "train.yaml").defaults
    groups = [name for entry in defaults if entry != "_self_" for name in entry if not name.startswith("override")]
    files = [conf / "train.yaml", *(path for group in [*groups, "hydra"] for path in (conf / group).rglob("*.yaml"))]
    saved = {target for path in files for _, target in targets(OmegaConf.to_container(OmegaConf.load(path)))}
    assert "sentiment.training.sweeps.pruning.Prune" in saved
    assert [target for target in saved if not is_allowed(target)] == []


def test_own_classes_are_allowed_by_name_or_package(monkeypatch):
    monkeypatch.setenv("SENTIMENT_ALLOW_TARGETS", "mine.losses.Focal, yours.")
    assert is_allowed("mine.losses.Focal")
    assert is_allowed("yours.callbacks.Any")
    assert not is_allowed("mine.losses.Other")
    assert not is_allowed("yoursandmine.Any")


HOSTILE = {
    "data": "data: {_target_: pandas.read_pickle, filepath_or_buffer: MARK}",
    "nested": "data: {_target_: sentiment.data.SentimentData, cleaning: {_target_: os.mkdir, path: MARK}}",
    "listed": "data: {_target_: sentiment.data.SentimentData, labels: [{_target_: os.mkdir, path: MARK}]}",
    "created": "data: {_target_: sentiment.data.SentimentData, "
    "cleaning: '${oc.create:\"{_target_: os.mkdir, path: MARK}\"}'}",
    "through_us": "data: {_target_: sentiment.files.replacing.os.mkdir, path: MARK}",
    "referred": "name: os.mkdir\ndata: {_target_: '${name}', path: MARK}",
}


@pytest.mark.parametrize("command", [["evaluate", "split=test"], ["export"]])
@pytest.mark.parametrize("form", HOSTILE)
def test_a_saved_config_makes_nothing_but_data(tiny_copy, tmp_path, capsys, form, command):
    mark = tmp_path / "mark"
    (tiny_copy / ".hydra" / "config.yaml").write_text(HOSTILE[form].replace("MARK", str(mark)))
    with pytest.raises(SystemExit) as stopped:
        main([command[0], f"run={tiny_copy}", *command[1:]])
    assert stopped.value.code == 2
    *_, last = capsys.readouterr().err.splitlines()
    assert last.startswith("error: ")
    assert "_target_" in last
    assert "SENTIMENT_ALLOW_TARGETS=" in last
    assert not mark.exists()


def test_a_mapping_that_fits_no_signature_is_one_line(tiny_run):
    saved = OmegaConf.create({"data": {"_target_": "sentiment.inference.preprocessing.Cleaning", "htlm": True}})
    with pytest.raises(ConfigError, match="unknown key data.htlm"):
        instantiate_saved(saved, "data", source="config.yaml")
    saved = OmegaConf.create({"data": {"_target_": "sentiment.inference.preprocessing.Cleaning", "html": "${gone}"}})
    with pytest.raises(DamagedFileError, match="not found"):
        instantiate_saved(saved, "data", source="config.yaml")


@pytest.mark.parametrize(
    "override",
    [
        "hydra.callbacks.x={_target_: os.system}",
        "+hydra.callbacks.x._target_=os.system",
        "hydra.searchpath=[file:///tmp/evil]",
        "hydra.job_logging.handlers.x={class: os.system}",
        "hydra.sweeper.sampler={_target_: os.system}",
        "hydra.sweeper.sampler._target_=os.system",
        "hydra.launcher._target_=os.system",
        "hydra.sweeper.sampler=${oc.create:x}",
        "experiment=../../../tmp/evil",
        "experiment=/tmp/evil",
        "hydra/launcher=../evil",
    ],
)
def test_a_saved_override_neither_runs_nor_finds_code(override):
    with pytest.raises(ConfigError, match="command line|SENTIMENT_ALLOW_TARGETS"):
        check_saved_overrides([override], source="outputs/x", groups=GROUPS)


def test_the_overrides_of_honest_runs_and_sweeps_pass():
    honest = [
        "model=minilm",
        "data.dir=../up",
        "experiment=imdb_bert",
        "callbacks=[default,early_stopping]",
        "seed=1,2",
    ]
    honest += ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=3", "hydra.sweep.dir=outputs/s", "~callbacks.last"]
    honest += [
        "hydra.sweeper.sampler._target_=optuna.samplers.CmaEsSampler",
        "hydra/launcher=local",
        "logger=[csv,wandb]",
    ]
    check_saved_overrides(honest, source="outputs/x", groups=GROUPS)
    with pytest.raises(DamagedFileError, match="is no override"):
        check_saved_overrides(["model.lr=]"], source="outputs/x", groups=GROUPS)


def test_resume_stops_before_a_class_of_somebody_else(tiny_copy, tmp_path, capsys, monkeypatch):
    mark = tmp_path / "mark"
    overrides = tiny_copy / ".hydra" / "overrides.yaml"
    overrides.write_text(overrides.read_text() + f"- '+callbacks.x={{_target_: os.mkdir, path: {mark}}}'\n")
    with pytest.raises(SystemExit) as stopped:
        main(["train", f"resume={tiny_copy}"])
    assert stopped.value.code == 2
    assert "callbacks.x._target_=os.mkdir" in capsys.readouterr().err
    assert not mark.exists()


@pytest.mark.slow
def test_an_own_callback_is_taken_over_where_it_is_allowed(train_tiny, tmp_path, monkeypatch, capsys):
    (tmp_path / "mine_x.py").write_text("import pytorch_lightning as pl\n\n\nclass Own(pl.Callback):\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    run = train_tiny("own", "+callbacks.own={_target_: mine_x.Own}", "trainer.max_epochs=1")
    copy = shutil.copytree(run, tmp_path / "copy")
    assert "mine_x" in sys.modules
    with pytest.raises(SystemExit):
        main(["train", f"resume={copy}"])
    assert "SENTIMENT_ALLOW_TARGETS=mine_x.Own" in capsys.readouterr().err
    monkeypatch.setenv("SENTIMENT_ALLOW_TARGETS", "mine_x.")
    main(["train", f"resume={copy}", "trainer.max_epochs=2"])
