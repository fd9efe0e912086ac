"""Every argument of Lightning's Trainer leaves a complete run, or is refused before any data is read."""

import inspect
import itertools
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
from omegaconf import OmegaConf

from sentiment.cli import main
from sentiment.config.bounds import OWNED
from sentiment.config.resources import bundled
from sentiment.training.summary import length
from tests.conftest import read_json

FAST = ("after_training.baseline=false", "after_training.calibrate=false", "trainer.max_epochs=2")


@pytest.fixture(scope="module")
def refused(corpus, tiny_backbone, tmp_path_factory):
    outputs = tmp_path_factory.mktemp("refused")

    def refused(capfd, *overrides):
        with pytest.raises(SystemExit) as caught:
            main(
                [
                    "train",
                    *(word for word in overrides if word == "-m"),
                    f"paths.output_dir={outputs}",
                    "run_name=x",
                    f"data.dir={corpus}",
                    "data.batch_size=8",
                ]
                + [f"model.backbone={tiny_backbone}", "data.max_length=32", f"paths.cache={outputs}/cache", *overrides]
            )
        assert caught.value.code == 2
        error = capfd.readouterr().err
        assert "Traceback" not in error
        return error.strip().splitlines()[-1]

    return refused


def test_every_argument_is_in_the_config_or_owned_by_the_run():
    config = OmegaConf.load(bundled("conf") / "trainer" / "default.yaml")
    arguments = [name for name in inspect.signature(pl.Trainer).parameters if name != "self"]
    assert [name for name in arguments if name not in config and name not in OWNED] == []
    assert [name for name in config if name != "_target_" and name not in arguments] == []


@pytest.mark.parametrize(("number", "name"), list(enumerate(OWNED)))
def test_an_argument_that_the_run_owns_is_refused_with_the_reason(number, name, refused, capfd):
    value = "[]" if name == "callbacks" else "true"
    sign = "+" * (number % 2)  # the two ways to give it
    assert (
        refused(capfd, f"{sign}trainer.{name}={value}") == f"error: trainer.{name} is not yours to set: {OWNED[name]}"
    )


WITHOUT_A_BAR = {"callbacks=null", "callbacks.progress=null", "trainer.enable_progress_bar=false"}
# Overrides, several to a run where they do not touch each other, optimizer steps, epochs begun.
WORKING = [
    (("trainer.max_steps=2", "callbacks=null", "logger=null"), 2, 1),
    (
        ("trainer.accumulate_grad_batches=3", "trainer.gradient_clip_algorithm=value", "trainer.gradient_clip_val=1"),
        6,
        2,
    ),
]
RARER = [
    (("trainer.val_check_interval=3", "trainer.precision=bf16-true"), 16, 2),
    (("trainer.max_epochs=-1", "trainer.max_steps=3", "+callbacks=ema", "trainer.enable_progress_bar=false"), 3, 1),
    (("trainer.check_val_every_n_epoch=2", "trainer.max_epochs=1", "trainer.detect_anomaly=true"), 8, 1),
    (("trainer.limit_train_batches=2", "trainer.limit_val_batches=1", "trainer.num_sanity_val_steps=-1"), 4, 2),
    (("trainer.max_steps=11", "trainer.reload_dataloaders_every_n_epochs=1", "callbacks.progress=null"), 11, 2),
    (("trainer.check_val_every_n_epoch=2", "trainer.max_epochs=3", "trainer.precision=64-true"), 24, 3),
    (("trainer.val_check_interval=0.25", "trainer.num_sanity_val_steps=1", "+callbacks=swa"), 16, 2),
    (("trainer.val_check_interval=5", "trainer.check_val_every_n_epoch=null", "+callbacks=early_stopping"), 16, 2),
    (("trainer.overfit_batches=2", "trainer.profiler=simple", "trainer.inference_mode=false"), 4, 2),
]


@pytest.mark.parametrize(
    ("overrides", "steps", "epochs"),
    [*WORKING, *(pytest.param(*row, marks=pytest.mark.slow) for row in RARER)],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_argument_leaves_a_complete_run(overrides, steps, epochs, train_tiny, capfd):
    run = train_tiny("arguments", *FAST, *overrides)
    if not WITHOUT_A_BAR.isdisjoint(overrides):
        assert "Epoch 0" not in "".join(capfd.readouterr())  # the bar of Lightning, which comes in place of ours
    summary = read_json(run / "run_summary.json")
    assert (summary["steps"], summary["epochs"]) == (steps, epochs)
    assert set(read_json(run / "metrics.json")) == {"validation", "test"}
    assert summary["exported"]["epoch"] == epochs


@pytest.mark.slow
def test_a_time_limit_ends_training_with_a_run(train_tiny, monkeypatch):
    """By a clock that goes on a second at a look, of which there is one a batch."""
    looks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: next(looks))
    monkeypatch.setattr("pytorch_lightning.callbacks.timer.time", clock)
    run = train_tiny("time", *FAST, "trainer.max_epochs=500", "trainer.max_time={seconds:60}")
    assert 0 < read_json(run / "run_summary.json")["epochs"] < 500


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["after_training.behaviour=none"],
            "after_training.behaviour=none: no such folder; name a folder of",
        ),
        (["trainer.max_time=00:00:00:00"], "trainer.max_time=00:00:00:00: no time at all; give DD:HH:MM:SS, or null"),
        (["trainer.val_check_interval=00:00:00:00"], "trainer.val_check_interval=00:00:00:00: no time at all; give"),
        (["trainer.max_time={minutes: 0}"], "trainer.max_time={'minutes': 0}: no time at all; give DD:HH:MM:SS, or"),
        (["trainer.min_epochs=5"], "trainer.min_epochs=5: more than trainer.max_epochs=4, the end of training; raise"),
        (["trainer.max_steps=2", "trainer.min_steps=3"], "trainer.min_steps=3: more than trainer.max_steps=2, the end"),
        (["trainer.max_epochs=-1"], "trainer.max_epochs=-1: the learning rate's schedule needs an end; set"),
        (["trainer.max_epochs=0"], "trainer.max_epochs=0: expected -1 or greater than or equal to 1"),
        (["trainer.val_check_interval=100"], "trainer.val_check_interval=100: an epoch has 8 batches; lower it, or"),
        (["trainer.val_check_interval=0"], "trainer.val_check_interval=0: expected greater than or equal to 1"),
        (["trainer.val_check_interval=1.5"], "trainer.val_check_interval=1.5: expected"),
        (["trainer.limit_train_batches=0.01"], "trainer: You requested to check 0.01 of the `train_dataloader` but"),
        (["trainer.limit_val_batches=0.01"], "trainer: You requested to check 0.01 of the `val_dataloader` but"),
        (["trainer.max_time=soon"], "trainer.max_time=soon: expected"),
        (["trainer.precision=16-true"], "the validation answers are not numbers: the training diverged"),
        (["trainer.precision=transformer-engine"], "trainer: Requirement 'transformer_engine>=0.11.0' not met."),
        (["trainer.precision=8-true"], "trainer.precision=8-true: expected '32-true', "),
        (["trainer.use_distributed_sampler=true"], "trainer.use_distributed_sampler=true: each process takes its"),
        (["trainer.strategy=foo"], "trainer: You selected an invalid strategy name: `strategy='foo'`."),
        (["trainer.profiler=fast"], "trainer.profiler=fast: expected 'simple', 'advanced' or 'pytorch'"),
        (["trainer=null"], "trainer=null: trainer is required; choose one of its options, as in trainer=default"),
        (["data=null"], "data=null: data is required; choose one of its options"),
        (["~callbacks.last"], "callbacks.last is required; do not remove it"),
        (["callbacks.best=null"], "callbacks.best is required; do not remove it"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_an_argument_that_cannot_work_is_one_line(overrides, message, refused, capfd):
    assert refused(capfd, *overrides).startswith(f"error: {message}")


BEST, STOP = "callbacks.best.monitor", "callbacks.early_stopping"
JUDGES = [
    ([f"{BEST}=val/acc"], f"{BEST}=val/acc: a run has no such score; did you mean validation/accuracy?"),
    ([f"{BEST}=train/loss"], f"{BEST}=train/loss: a run has no such score"),
    ([f"{BEST}=null"], f"{BEST}=null: "),
    (["callbacks.best.mode=min"], "callbacks.best.mode=min: validation/accuracy is better where it is higher; set "),
    (
        [f"{BEST}=validation/loss", "callbacks.best.mode=max"],
        "callbacks.best.mode=max: validation/loss is better wh",
    ),
    ([f"{BEST}=validation/recall"], f"{BEST}: recall has a value for each label; name one, as in recall/positive"),
    ([f"{BEST}=validation/recall/good"], f"{BEST}: the data has no label 'good'; there are negative, positive"),
    ([f"{BEST}=validation/f1/positive"], f"{BEST}: f1 is one number over all labels; give f1 alone"),
    (
        ["+callbacks=early_stopping", f"{STOP}.monitor=val_loss"],
        f"{STOP}.monitor=val_loss: a run has no such score",
    ),
    (
        ["+callbacks=early_stopping", f"{STOP}.mode=min"],
        f"{STOP}.mode=min: validation/accuracy is better where it ",
    ),
    (
        ["+callbacks.mine={_target_: pytorch_lightning.callbacks.EarlyStopping, monitor: validation/f1}"],
        "callbacks.mine.mode=min: validation/f1 is better where it is higher",
    ),
    (["optimized_metric=recall/good"], "optimized_metric: the data has no label 'good'; there are negative, positive"),
    (["-m", "seed=1,2", "optimized_metric=loss"], "hydra.sweeper.direction=maximize: loss is better where it is lower"),
    (["-m", "seed=1,2", "hydra.sweeper.direction=minimize"], "hydra.sweeper.direction=minimize: accuracy is better wh"),
]


@pytest.mark.parametrize(("overrides", "message"), JUDGES, ids=[row[0][-1] for row in JUDGES])
def test_what_epochs_and_trials_are_judged_by_is_checked_before_training(overrides, message, refused, capfd):
    assert refused(capfd, *overrides).startswith(f"error: {message}")


@pytest.mark.parametrize("monitor", ["loss", pytest.param("recall/positive", marks=pytest.mark.slow)])
def test_a_run_is_judged_by_any_score(monitor, train_tiny):
    judged = (f"callbacks.best.monitor=validation/{monitor}", f"optimized_metric={monitor}")
    run = train_tiny("judged", *FAST, "trainer.precision=32-true", *judged)  # bf16 would move a row over the line
    exported = read_json(run / "run_summary.json")["exported"]
    assert exported["score"] == pytest.approx(read_json(run / "metrics.json")["validation"][monitor], abs=1e-4)


@pytest.mark.parametrize(
    ("limits", "words"),
    [((1, -1), "1 epoch"), ((3, None), "3 epochs"), ((-1, 1), "1 step"), ((2, 500), "2 epochs or 500 steps")],
)
def test_the_length_of_a_training_in_words(limits, words):
    assert length(OmegaConf.create(dict(zip(("max_epochs", "max_steps"), limits, strict=True)))) == words
