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

from sentiment import run_dir as runs
from sentiment.console import interruptible
from sentiment.data.module import SentimentData
from sentiment.errors import ConfigError, Interrupted, ModelError
from sentiment.evaluation.calibration import fit_temperature
from sentiment.evaluation.comparison import Comparison, compare
from sentiment.evaluation.model_card import model_card
from sentiment.evaluation.report import write_report
from sentiment.evaluation.results import Results
from sentiment.evaluation.scoring import Evaluation, evaluate
from sentiment.export.huggingface import amend, export
from sentiment.files import write_json, write_text
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Runtime
from sentiment.training.callbacks import Throughput
from sentiment.training.checkpoints import WholeCheckpoints
from sentiment.training.cpu_kernels import kept_memory
from sentiment.training.monitors import check_labels
from sentiment.training.origins import check_resumable
from sentiment.training.provenance import environment
from sentiment.training.selection import Choice, choose

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
    """Fit, on from `checkpoint` where given, export, score, and leave a complete run directory.

    Of several processes that train together the first does all but the fit alone; the others return None. Ctrl-C and
    SIGTERM raise Interrupted wherever they come: what the fit has left is then gone on from.
    """
    try:
        with interruptible():
            return train_uninterrupted(cfg, folder, checkpoint=checkpoint, score_test=score_test)
    except KeyboardInterrupt as error:
        raise Interrupted(f"stopped; {runs.how_to_go_on(folder)}") from error


def train_uninterrupted(cfg: DictConfig, folder: Path, *, checkpoint: Path | None, score_test: bool) -> Run | None:
    started = time.time()
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    trainer = build_trainer(cfg)
    data: SentimentData = instantiate(cfg.data)
    data.setup()
    check_labels(cfg, data.labels)
    check_batches(cfg, data)
    model = instantiate(cfg.model, labels=data.labels)
    if trainer.is_global_zero:
        write_json(folder / "data_report.json", data.report.to_json())
    for logger in trainer.loggers:
        logger.log_hyperparams(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[arg-type]
    with kept_memory():
        fit(trainer, model, data, checkpoint)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()  # torchmetrics would wait for the others
    if not trainer.is_global_zero:
        return None

    choice = choose(folder / "checkpoints", metric=monitored(cfg), labels=data.labels)
    log.info(choice.reason)
    model = instantiate(cfg.model, labels=data.labels)  # whole; that of the fit may hold one process's share
    model.load_state_dict(choice.weights)
    exported = export(model.merged(), data.tokenizer, data.preprocessing, into=folder / "export")
    runtime = convert_export(exported, data, instantiate(cfg.convert)) if score_test and cfg.convert else "torch"
    evaluations = score_export(exported, data, score_test=score_test)
    if cfg.calibrate:
        evaluations = calibrate(exported, evaluations)
    wanted = score_test if cfg.baseline is None else cfg.baseline
    results = Results(evaluations, compare_with_baseline(evaluations, data) if wanted else {})
    summary = summarize(cfg, data, trainer, choice, runtime=runtime, seconds=time.time() - started)
    write_json(folder / "run_summary.json", summary)
    write_text(exported / "README.md", model_card(folder.name, data.backbone, data.preprocessing, results))
    write_report(folder / "report", results, run=folder)
    results.write(folder)  # ends with metrics.json: its presence says that the run is complete
    runs.list_results(folder)
    return Run(folder, results)


def build_trainer(cfg: DictConfig) -> pl.Trainer:
    """Before any data is read: ConfigError for what this machine or Lightning does not have."""
    progress = cfg.trainer.get("enable_progress_bar") is not False
    wired = {name: node for name, node in cfg.callbacks.items() if node and (progress or name != "progress")}
    settings = {**OmegaConf.to_container(cfg.trainer, resolve=True), "plugins": None}  # type: ignore[dict-item]
    try:
        callbacks = [instantiate(node) for node in wired.values()]
        loggers = [instantiate(node) for node in cfg.logger.values() if node]
        plugins = [WholeCheckpoints(), *(instantiate(node) for node in cfg.trainer.get("plugins") or [])]
        trainer: pl.Trainer = instantiate(
            settings, callbacks=callbacks, logger=loggers or False, plugins=plugins, _convert_="all"
        )
    except InstantiationException as error:
        if not isinstance(error.__cause__, MisconfigurationException | ValueError | TypeError | ImportError):
            raise
        raise ConfigError(f"trainer: {str(error.__cause__).splitlines()[0]}") from error
    return trainer


def check_batches(cfg: DictConfig, data: SentimentData) -> None:
    """ConfigError where an epoch has fewer batches than a validation waits for."""
    every = cfg.trainer.get("val_check_interval")
    batches, limit = len(data.train_dataloader()), cfg.trainer.get("limit_train_batches")
    if limit is not None:
        batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    if isinstance(every, int) and cfg.trainer.get("check_val_every_n_epoch") is not None and every > batches:
        raise ConfigError(
            f"trainer.val_check_interval={every}: an epoch has {batches} batches; lower it, or count batches over all "
            "epochs with trainer.check_val_every_n_epoch=null"
        )


def fit(trainer: pl.Trainer, model: pl.LightningModule, data: SentimentData, checkpoint: Path | None) -> None:
    """Train, on from `checkpoint` where given; KeyboardInterrupt where Lightning makes an exit of it."""
    if checkpoint is not None:
        check_resumable(model, checkpoint)
    try:
        trainer.fit(model, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except MisconfigurationException as error:
        raise ConfigError(f"trainer: {str(error).strip().splitlines()[0]}") from error
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise


def monitored(cfg: DictConfig) -> str:
    """The validation score by which epochs are compared."""
    return str(cfg.callbacks.best.monitor).removeprefix("validation/")


def convert_export(exported: Path, data: SentimentData, convert: Callable[..., Runtime]) -> Runtime:
    """Choose what computes the answers of the exported folder from now on."""
    train, validation = data.splits["train"], data.splits["validation"]
    try:
        return convert(exported, train=train.texts, texts=validation.texts, targets=validation.labels)
    except ModelError as error:  # asked for by name; the training is not thrown away for it
        log.error("%s; the run goes on with PyTorch", error)
        return "torch"


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
    cfg: DictConfig, data: SentimentData, trainer: pl.Trainer, choice: Choice, *, runtime: Runtime, seconds: float
) -> dict[str, Any]:
    """run_summary.json: what is needed to trust, compare and repeat the run."""
    speed = next(callback for callback in trainer.callbacks if isinstance(callback, Throughput))  # type: ignore[attr-defined]
    return {
        "run_name": cfg.run_name,
        "backbone": data.backbone,
        "revisions": {"backbone": data.backbone_revision, "data": data.source.revision},
        "labels": data.labels,
        "seed": cfg.seed,
        "data": {
            name: {"rows": split.rows, "sha256": split.sha256, "dropped": asdict(split.dropped)}
            for name, split in data.report.splits.items()
        },
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "best_epoch": choice.best_epoch,
        "best_score": choice.best_score,
        "exported": choice.to_json(),
        "runtime": runtime,
        "precision": str(trainer.precision),
        "processes": trainer.world_size,
        "duration_seconds": round(seconds, 1),
        "train_samples_per_second": round(speed.samples_per_second, 1),
        **environment(),
    }
