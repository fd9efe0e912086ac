"""Run folders made before classes and keys were renamed still open; an old key is answered with the new one."""

import json

import pytest
from omegaconf import OmegaConf

from sentiment import run_dir as runs
from sentiment.cli import main
from sentiment.config.compose import prepare
from sentiment.config.renamed import COMMANDS, KEYS, MODULES, current_key, current_names, current_override
from sentiment.data.module import SentimentData
from sentiment.evaluation.evaluate import run_data
from sentiment.inference.predictor import Predictor
from sentiment.run_dir import overrides, saved_config


def test_a_run_of_an_earlier_release_opens_with_the_names_of_then(tiny_copy):
    record = tiny_copy / ".hydra"
    text = (record / "config.yaml").read_text(encoding="utf-8")
    for old, new in MODULES.items():
        text = text.replace(f"_target_: sentiment.{new}.", f"_target_: sentiment.{old}.")
    for old, new in {
        "warmup_ratio": "warmup",
        "lr_scheduler_kwargs": "scheduler_args",
        "window_step": "window_stride",
    }.items():
        assert f"  {old}: " in text
        text = text.replace(f"  {old}: ", f"  {new}: ")
    loss = (
        "  loss:\n    _target_: sentiment.training.losses.CrossEntropy\n    weights: null\n    label_smoothing: 0.0\n"
    )
    assert loss in text
    text = text.replace(loss, "  class_weights: null\n  label_smoothing: 0.0\n")
    text = text.replace("  output_dir: ", "  outputs: ").replace("${paths.output_dir}", "${paths.outputs}")
    assert "sentiment.text.Cleaning" in text
    assert "sentiment.model.SentimentClassifier" in text
    now = saved_config(tiny_copy)
    (record / "config.yaml").write_text(text, encoding="utf-8")
    (record / "overrides.yaml").write_text(
        "- model.optimizer._target_=sentiment.optimizers.AdamW\n- model.warmup=0.2\n- +model.scheduler_args.power=2\n"
        "- model.class_weights=balanced\n- model.class_weights.negative=2.0\n- model.label_smoothing=0.1\n",
        encoding="utf-8",
    )
    assert isinstance(run_data(tiny_copy), SentimentData)
    then = saved_config(tiny_copy)
    then.model.loss._target_ = now.model.loss._target_  # there was one loss alone
    assert OmegaConf.to_container(then) == OmegaConf.to_container(now)
    assert overrides(tiny_copy) == [
        "model.optimizer._target_=sentiment.training.optimizers.AdamW",
        "model.warmup_ratio=0.2",
        "+model.lr_scheduler_kwargs.power=2",
        "model.loss.weights=balanced",
        "model.loss.weights.negative=2.0",
        "model.loss.label_smoothing=0.1",
    ]


def test_a_run_of_before_a_key_was_there_goes_on_without_it(tiny_copy):
    path = tiny_copy / ".hydra" / "config.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("  new_tokens:")), encoding="utf-8")
    assert "model.new_tokens=null" in overrides(tiny_copy)


def test_an_option_that_stood_for_several_names_them():
    """A new run's override of loggers is always a list, so a bare name is one of before."""
    assert current_override("callbacks=ema") == "callbacks=[default,ema]"
    assert current_override("logger=tensorboard") == "logger=[csv,tensorboard]"
    assert prepare("train", ["logger=tensorboard"]) == ["logger=[tensorboard]"]
    assert current_override("logger=[tensorboard]") == "logger=[tensorboard]"
    assert current_override("test=true") == "after_training.test=true"


def test_an_export_of_an_earlier_release_keeps_its_windows(tiny_copy):
    path = tiny_copy / "export" / "preprocessing.json"
    stored = json.loads(path.read_text())
    stored["window_stride"] = stored.pop("window_step") + 16
    path.write_text(json.dumps(stored))
    (tiny_copy / "export" / "SHA256SUMS").unlink()
    assert Predictor.load(tiny_copy).preprocessing.window_step == 16


@pytest.mark.parametrize(
    "text", ["data.train=sentiment.text.csv", "_target_: sentiment.training.model.X", "run: model"]
)
def test_nothing_else_is_renamed(text):
    assert current_names(text) == text


def test_a_trial_of_an_earlier_sweep_is_the_same_trial_now():
    assert runs.settings(["model.warmup=0.1", "run_name=a"]) == runs.settings(["model.warmup_ratio=0.1"])
    assert current_override("hydra.sweeper.params.model.warmup='interval(0, 1)'").startswith(
        "hydra.sweeper.params.model.warmup_ratio='interval"
    )


@pytest.mark.parametrize(
    ("command", "old"),
    [
        *(("train", key) for key in KEYS if key.split(".")[0] in ("paths", "model", "data")),
        ("predict", "engine.window_stride"),
        *((command, key) for command, keys in COMMANDS.items() for key in keys),
    ],
)
def test_an_old_key_is_one_line_that_names_the_new_one(command, old, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main([command, f"{old}=5"])
    assert caught.value.code == 2
    new = current_key(old, command)
    assert capsys.readouterr().err == f"error: {old} is called {new} now; give {new}=5\n"


def test_the_folder_of_a_sweep_report_is_no_old_key():
    assert current_key("folder", "sweep-report") == "folder"
