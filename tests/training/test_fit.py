"""One run directory, whole, repeatable, and resumable."""

import csv
import signal
import subprocess
import sys

import pytest
import torch
import yaml

from sentiment.cli import main
from tests.conftest import ROOT, read_json
from tests.signals import at_step


def test_a_run_directory_is_complete(tiny_run):
    names = {
        ".hydra/config.yaml",
        ".hydra/overrides.yaml",
        "checkpoints/best.ckpt",
        "checkpoints/last.ckpt",
        "metrics.json",
        "run_summary.json",
        "data_report.json",
        "predictions.csv",
        "report/report.html",
        "report/roc.svg",
        "report/learning_loss.svg",
        "intervals.json",
        "baseline.json",
        "calibration.json",
        "export/config.json",
        "export/model.safetensors",
        "export/tokenizer.json",
        "export/vocab.txt",
        "export/README.md",
        "export/preprocessing.json",
    }
    assert names <= {path.relative_to(tiny_run).as_posix() for path in tiny_run.rglob("*") if path.is_file()}


def test_the_tiny_model_learns_the_easy_corpus(tiny_run):
    assert read_json(tiny_run / "metrics.json")["test"]["accuracy"] == 1.0


def test_metrics_are_those_of_the_predictions_written(tiny_run):
    with (tiny_run / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    right = sum(row["label"] == row["prediction"] for row in rows)
    assert read_json(tiny_run / "metrics.json")["test"]["accuracy"] == pytest.approx(right / len(rows))
    assert all(float(row["p_negative"]) + float(row["p_positive"]) == pytest.approx(1, abs=1e-5) for row in rows)


def test_the_summary_tells_what_is_needed_to_repeat_the_run(tiny_run):
    summary = read_json(tiny_run / "run_summary.json")
    assert {name: part["rows"] for name, part in summary["data"].items()} == {"train": 64, "validation": 16, "test": 16}
    assert summary["steps"] == 64
    assert summary["best_epoch"] in range(1, 9)
    assert summary["train_samples_per_second"] > 0
    assert summary["versions"]["torch"] == torch.__version__


def test_the_export_is_the_last_checkpoint(tiny_run):
    from safetensors.torch import load_file

    exported = read_json(tiny_run / "run_summary.json")["exported"]
    assert (exported["kind"], exported["epoch"]) == ("last", 8)
    state = torch.load(tiny_run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    for name, weight in load_file(tiny_run / "export" / "model.safetensors").items():
        torch.testing.assert_close(weight, state[f"network.{name}"], atol=0, rtol=0)


def test_the_same_seed_gives_the_same_numbers(train_tiny, tiny_run):
    again = train_tiny("again")
    assert read_json(again / "metrics.json") == read_json(tiny_run / "metrics.json")


@pytest.mark.slow
def test_another_seed_gives_other_numbers(train_tiny, tiny_run):
    other = train_tiny("other", "seed=7")
    assert read_json(other / "metrics.json") != read_json(tiny_run / "metrics.json")


def test_a_run_never_overwrites_another(tiny_run, capfd):
    with pytest.raises(SystemExit) as caught:
        main(["train", f"run_name={tiny_run.name}", f"paths.output_dir={tiny_run.parent}"])
    assert caught.value.code == 2
    assert "already holds a run; choose another run_name, or go on with resume=" in capfd.readouterr().err


def test_a_sweep_scores_each_trial_on_validation_only(train_tiny):
    folder = train_tiny("sweep", "seed=1,2", "trainer.max_epochs=1", flags=("-m",)).parent / "sweeps" / "sweep"
    for trial in ("0", "1"):
        assert list(read_json(folder / trial / "metrics.json")) == ["validation"]


class Steady:
    """Runs that nobody stops, one for each set of options."""

    def __init__(self, folder, *settings):
        self.folder, self.settings, self.runs = folder, settings, {}

    def overrides(self, run, *options):
        return [f"paths.output_dir={run.parent}", f"run_name={run.name}", *self.settings, *options]

    def __call__(self, *options):
        if options not in self.runs:
            run = self.runs[options] = self.folder / f"unbroken-{len(self.runs)}"
            main(["train", *self.overrides(run, *options)])
        return self.runs[options]


@pytest.fixture(scope="module")
def steady(tiny_backbone, corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("steady")
    settings = [f"model.backbone={tiny_backbone}", f"data.dir={corpus}", f"paths.cache={folder}/cache"]
    settings += ["trainer.max_epochs=6", "data.batch_size=8", "data.max_length=32", "model.lr=1e-3"]
    return Steady(folder, *settings, "after_training.convert.runtime=torch")


def killed(*options):
    return pytest.param(signal.SIGKILL, options, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("number", "options"),
    [
        pytest.param(signal.SIGINT, (), marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, (), marks=pytest.mark.slow),
        (signal.SIGKILL, ()),
        killed("+callbacks=ema", "model.loss.weights=balanced", "trainer.accumulate_grad_batches=2"),
        killed(
            "model=minilm_lora", "model.loss.label_smoothing=0.1", "model.layer_decay=0.8", "model.scheduler=cosine"
        ),
        killed("+callbacks=swa", "callbacks.swa.start=0.3", "model.r_drop=1.0"),
        killed("+callbacks=early_stopping", "callbacks.early_stopping.patience=8", "model.freeze_embeddings=true"),
    ],
)
def test_a_stopped_run_resumes_to_the_numbers_of_an_unbroken_one(number, options, steady, tmp_path):
    unbroken = steady(*options)
    environment = at_step(number, r"os\.rename .*/last\.ckpt$", 3)
    command = [sys.executable, str(ROOT / "train.py"), *steady.overrides(tmp_path / "broken", *options)]
    broken = subprocess.run(command, env=environment, capture_output=True)
    assert broken.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130), broken.stderr
    if number != signal.SIGKILL:
        assert b"go on with: sentiment train resume=" in broken.stderr
    assert not (tmp_path / "broken" / "metrics.json").exists()

    main(["train", f"resume={tmp_path}/broken"])
    assert read_json(tmp_path / "broken" / "metrics.json") == read_json(unbroken / "metrics.json")
    ours, theirs = (read_json(run / "run_summary.json") for run in (tmp_path / "broken", unbroken))
    for key in ("steps", "epochs", "best_epoch", "best_score"):
        assert ours[key] == theirs[key]


@pytest.mark.slow
def test_the_options_of_training_work_together(train_tiny):
    options = ["+logger=tensorboard", "+callbacks=lr_finder", "callbacks.lr_finder.num_training_steps=20"]
    run = train_tiny("options", *options, "model.loss.weights={negative:1.0,positive:2.0}", "trainer.max_epochs=2")
    assert list(run.glob("tensorboard/version_0/events.out.tfevents.*"))
    assert list(run.glob("logs/version_0/metrics.csv"))
    told = yaml.safe_load((run / "logs" / "version_0" / "hparams.yaml").read_text())
    assert (told["model"]["lr"], told["seed"]) == (3e-3, 42)  # every logger is told the config
    assert not list(run.glob(".lr_find*"))
    assert read_json(run / "run_summary.json")["epochs"] == 2
