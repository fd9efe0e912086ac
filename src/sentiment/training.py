"""One training run, from a composed config to a complete run directory."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint, WeightAveraging
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict

from sentiment import runs
from sentiment.acceleration import kept_memory
from sentiment.calibration import fit_temperature
from sentiment.callbacks import Throughput
from sentiment.data import SentimentData
from sentiment.errors import ConfigError, ModelError
from sentiment.evaluation import Comparison, Evaluation, Results, compare, evaluate
from sentiment.export import amend, export, model_card
from sentiment.files import write_json, write_text
from sentiment.predictor import Predictor
from sentiment.provenance import environment
from sentiment.report import write_report
from sentiment.text import Runtime

Weights = dict[str, torch.Tensor]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Run:
    folder: Path
    results: Results

    @property
    def scores(self) -> dict[str, dict[str, float]]:
        """Metrics of each split."""
        return self.results.scores


def train(cfg: DictConfig, folder: Path, *, checkpoint: Path | None = None, score_test: bool = True) -> Run | None:
    """Fit, on from `checkpoint` where given, export the best epoch, score it, and leave a complete run directory.

    Of several processes that train together the first does all but the fit alone; the others return None.
    """
    started = time.time()
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    trainer = build_trainer(cfg)
    data: SentimentData = instantiate(cfg.data)
    data.setup()
    model = instantiate(cfg.model, labels=data.labels)
    if trainer.is_global_zero:
        write_json(folder / "data_report.json", data.report.to_json())
    for logger in trainer.loggers:
        logger.log_hyperparams(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[arg-type]
    with kept_memory():
        trainer.fit(model, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    weights, averaged = best_weights(trainer, data, last=folder / "checkpoints" / "last.ckpt" if cfg.average else None)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()  # torchmetrics would wait for the others
    if not trainer.is_global_zero:
        return None

    model = instantiate(cfg.model, labels=data.labels)  # whole; that of the fit may hold one process's share
    model.load_state_dict(weights)
    exported = export(model.merged(), data.tokenizer, data.preprocessing, into=folder / "export")
    runtime = convert_export(exported, data, instantiate(cfg.convert)) if score_test and cfg.convert else "torch"
    evaluations = score_export(exported, data, score_test=score_test)
    if cfg.calibrate:
        evaluations = calibrate(exported, evaluations)
    wanted = score_test if cfg.baseline is None else cfg.baseline
    results = Results(evaluations, compare_with_baseline(evaluations, data) if wanted else {})
    summary = summarize(cfg, data, trainer, averaged=averaged, runtime=runtime, seconds=time.time() - started)
    write_json(folder / "run_summary.json", summary)
    write_text(exported / "README.md", model_card(folder.name, data.backbone, data.preprocessing, results))
    write_report(folder / "report", results, run=folder)
    results.write(folder)  # ends with metrics.json: its presence says that the run is complete
    runs.list_results(folder)
    return Run(folder, results)


def build_trainer(cfg: DictConfig) -> pl.Trainer:
    """Before any data is read: ConfigError for what this machine or Lightning does not have."""
    try:
        callbacks = [instantiate(callback) for callback in cfg.callbacks.values() if callback]
        loggers = [instantiate(logger) for logger in (cfg.logger or {}).values() if logger]
        trainer: pl.Trainer = instantiate(cfg.trainer, callbacks=callbacks, logger=loggers)
    except InstantiationException as error:
        if not isinstance(error.__cause__, MisconfigurationException | ValueError | TypeError):
            raise
        raise ConfigError(f"trainer: {str(error.__cause__).splitlines()[0]}") from error
    return trainer


def best_weights(trainer: pl.Trainer, data: SentimentData, *, last: Path | None) -> tuple[Weights, bool]:
    """The weights that validate best: the best checkpoint's, or, with `last`, their average with that one's.

    True where the average won; a soup of two after Wortsman et al. 2022, "Model soups".
    """
    checkpoint: ModelCheckpoint = trainer.checkpoint_callback  # type: ignore[assignment]
    if any(isinstance(callback, WeightAveraging) for callback in trainer.callbacks):  # type: ignore[attr-defined]
        last = None  # its checkpoints are averages already, and it would validate its own
    best, newest = (
        torch.load(path, map_location="cpu", weights_only=True)
        for path in (checkpoint.best_model_path, last or checkpoint.best_model_path)
    )
    if best["epoch"] != newest["epoch"]:
        weights = average(best["state_dict"], newest["state_dict"])
        model = trainer.lightning_module
        set_model_state_dict(model, {**weights}, options=StateDictOptions(full_state_dict=True))
        [values] = trainer.validate(model, datamodule=data, verbose=False)
        gain = values[checkpoint.monitor] - float(checkpoint.best_model_score)  # type: ignore[index, arg-type]
        if gain > 0 if checkpoint.mode == "max" else gain < 0:
            log.info("the average of the best and the last epoch validates better by %.4f", abs(gain))
            return weights, True
    return best["state_dict"], False


def average(first: Weights, second: Weights) -> Weights:
    """The mean of each floating point tensor of two states; the others as in the first."""
    return {name: (w + second[name]) / 2 if w.is_floating_point() else w for name, w in first.items()}


def convert_export(exported: Path, data: SentimentData, convert: Callable[..., Runtime]) -> Runtime:
    """Choose what computes the answers of the exported folder from now on."""
    validation = data.splits["validation"]
    return convert(
        exported,
        train=data.splits["train"].texts,
        texts=validation.texts,
        targets=validation.labels,
    )


def score_export(exported: Path, data: SentimentData, *, score_test: bool) -> dict[str, Evaluation]:
    """Validation and, when asked and present, test scores of the exported folder, as serving would answer."""
    predictor = Predictor.load(exported)
    names = ["validation", *(["test"] if score_test and "test" in data.splits else [])]
    for name in names:
        log.info("scoring %d %s texts", len(data.splits[name]), name)
    results = {name: evaluate(predictor, data.splits[name], data.labels) for name in names}
    for name, result in results.items():
        if not result.probabilities.isfinite().all():
            raise ModelError(f"the {name} scores are not numbers; the training diverged, lower model.lr")
    return results


def calibrate(exported: Path, evaluations: Mapping[str, Evaluation]) -> dict[str, Evaluation]:
    """Fit the temperature on validation, carry it into the export, and return the evaluations with it."""
    validation = evaluations["validation"]
    temperature = fit_temperature(validation.probabilities, validation.targets)
    amend(exported, temperature=temperature)
    log.info("temperature %.3f, fitted on %d validation texts", temperature, len(validation.split))
    return {name: result.at(temperature) for name, result in evaluations.items()}


def compare_with_baseline(evaluations: Mapping[str, Evaluation], data: SentimentData) -> dict[str, Comparison]:
    log.info("training the baseline on %d texts", len(data.splits["train"]))
    return compare(evaluations, data.splits["train"], data.preprocessing.cleaning)


def summarize(
    cfg: DictConfig, data: SentimentData, trainer: pl.Trainer, *, averaged: bool, runtime: Runtime, seconds: float
) -> dict[str, Any]:
    """run_summary.json: what is needed to trust, compare and repeat the run."""
    speed = next(callback for callback in trainer.callbacks if isinstance(callback, Throughput))  # type: ignore[attr-defined]
    return {
        "run_name": cfg.run_name,
        "backbone": data.backbone,
        "labels": data.labels,
        "seed": cfg.seed,
        "data": {
            name: {"rows": split.rows, "sha256": split.sha256, "dropped": asdict(split.dropped)}
            for name, split in data.report.splits.items()
        },
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "best_epoch": best_epoch(trainer),
        "averaged_with_last_epoch": averaged,
        "best_score": float(trainer.checkpoint_callback.best_model_score),  # type: ignore[union-attr]
        "runtime": runtime,
        "precision": str(trainer.precision),
        "processes": trainer.world_size,
        "duration_seconds": round(seconds, 1),
        "train_samples_per_second": round(speed.samples_per_second, 1),
        **environment(),
    }


def best_epoch(trainer: pl.Trainer) -> int:
    """Counted from 1, read from the best checkpoint itself."""
    path = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
    return int(torch.load(path, map_location="cpu", weights_only=True)["epoch"]) + 1
