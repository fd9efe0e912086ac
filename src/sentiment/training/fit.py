"""Training run from a composed config to a complete run directory."""

import logging
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from sentiment import run_dir as runs
from sentiment.console import interruptible
from sentiment.data.module import SentimentData
from sentiment.errors import InterruptedRunError
from sentiment.evaluation.bootstrap import RESAMPLES
from sentiment.evaluation.evaluate import behave
from sentiment.evaluation.model_card import model_card
from sentiment.evaluation.report.page import write_report
from sentiment.evaluation.results import Results
from sentiment.export.fitting import fit_export
from sentiment.export.huggingface import export
from sentiment.files import write_json, write_text
from sentiment.inference.fidelity import chosen_runtime
from sentiment.inference.predictor import Predictor
from sentiment.inference.readability import Readability
from sentiment.training.adaptation import MaskedLanguageModel, MaskedTokens, export_backbone, perplexity
from sentiment.training.after_training import compare_with_baseline, convert_export
from sentiment.training.callbacks import Throughput
from sentiment.training.checkpoints import read_judged
from sentiment.training.distillation import teach, teachers
from sentiment.training.monitors import check_labels
from sentiment.training.provenance import environment
from sentiment.training.resuming import how_to_go_on
from sentiment.training.selection import Choice, choose
from sentiment.training.tasks import Task
from sentiment.training.trainer import build_trainer, check_batches, fit

log = logging.getLogger(__name__)


def train(cfg: DictConfig, folder: Path, *, checkpoint: Path | None = None, score_test: bool = True) -> Results | None:
    """Fit, on from `checkpoint` where given, export, score, and leave a complete run directory.

    Args:
        cfg: the composed training config.
        folder: the run directory.
        checkpoint: the checkpoint to resume from, if any.
        score_test: also score the test split; False also skips conversion and, by default, the baseline.

    Returns:
        The run on rank 0; None on the other ranks, which take part in the fit alone.

    Raises:
        InterruptedRunError: Ctrl-C or SIGTERM arrived, at any point; the run can be resumed from the fit's checkpoints.
    """
    try:
        with interruptible():
            return train_uninterrupted(cfg, folder, checkpoint=checkpoint, score_test=score_test)
    except KeyboardInterrupt as error:
        raise InterruptedRunError(f"stopped; {how_to_go_on(folder)}") from error


def train_uninterrupted(cfg: DictConfig, folder: Path, *, checkpoint: Path | None, score_test: bool) -> Results | None:
    started = time.time()
    pl.seed_everything(cfg.seed, workers=True, verbose=False)
    trainer = build_trainer(cfg)
    data: SentimentData = instantiate(cfg.data)
    task: Task = instantiate(cfg.task)
    if isinstance(task, MaskedTokens):
        adapt(cfg, folder, trainer, data, checkpoint)
        return None
    data.order = task.order
    data.setup()
    check_labels(cfg, data.labels)
    check_batches(cfg, data)
    model = instantiate(cfg.model, labels=data.labels, task=task)
    taught = distil(cfg.model, data, trainer)
    if trainer.is_global_zero:
        write_json(folder / "data_report.json", data.report.to_json())
    fit(cfg, trainer, model, data, checkpoint)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()  # else torchmetrics would wait for the other ranks
    if not trainer.is_global_zero:
        return None

    decoding = model.decoding
    choice = choose(folder / "checkpoints", metric=monitored_metric(cfg), labels=data.labels, decoding=decoding)
    log.info(choice.reason)
    model = instantiate(cfg.model, labels=data.labels, task=task)  # a full copy; the fitted may be one rank's shard
    model.load_state_dict(choice.weights)
    preprocessing = replace(data.preprocessing, task=decoding.to_json())
    readability = Readability.fit(data.tokenizer.backend_tokenizer, data.train_ids())
    exported = export(model.merged(), data.tokenizer, preprocessing, into=folder / "export", readability=readability)
    after = cfg.after_training
    runtime = convert_export(exported, data, instantiate(after.convert)) if score_test and after.convert else "torch"
    fitted = {"calibration": after.calibrate, "score_test": score_test, "quantification": score_test}
    exits = cfg.model.get("exits") or ()
    evaluations = fit_export(exported, data.splits, task, metric=str(cfg.optimized_metric), exits=exits, **fitted)
    wanted = score_test if after.baseline is None else after.baseline
    baseline = compare_with_baseline(evaluations, data) if wanted else {}
    behaviour = behave(Predictor.load(exported), after.get("behaviour")) if score_test else []
    results = Results(evaluations, baseline, behaviour)
    summary = summarize(cfg, data, trainer, choice, runtime=runtime, seconds=time.time() - started)
    write_json(folder / "run_summary.json", summary | taught)
    log.info("writing the report, with intervals from %d resamples of the texts", RESAMPLES)
    names = [model["name"] for model in taught.get("teacher", {}).get("models", [])]
    answered_by = chosen_runtime(folder)
    card = model_card(folder.name, data.backbone, data.preprocessing, results, teachers=names, runtime=answered_by)
    write_text(exported / "README.md", card)
    write_report(folder / "report", results, run=folder)
    results.write(folder)  # writes metrics.json last, which marks the run as complete
    runs.list_results(folder)
    return results


def adapt(cfg: DictConfig, folder: Path, trainer: pl.Trainer, data: SentimentData, checkpoint: Path | None) -> None:
    """Adapt a backbone by masked-language modelling and export the weights of the least validation loss."""
    started = time.time()
    data.setup()
    check_batches(cfg, data)
    model: MaskedLanguageModel = instantiate(cfg.model)
    fit(cfg, trainer, model, data, checkpoint)
    if not trainer.is_global_zero:
        return
    weights, judged = read_judged(folder / "checkpoints" / "best.ckpt")
    model = instantiate(cfg.model)
    model.load_state_dict(weights)
    texts, found = len(data.splits["train"]), perplexity(judged.score)
    card = {"name": folder.name, "texts": texts, "perplexity": found}
    export_backbone(model, data.tokenizer, into=folder / "export", card=card)
    reason = f"epoch {judged.epoch}, which has the least validation loss, is exported"
    choice = Choice(weights, "earlier", judged.epoch, judged.score, judged.epoch, judged.score, None, reason)
    summary = summarize(cfg, data, trainer, choice, runtime="torch", seconds=time.time() - started)
    write_json(folder / "run_summary.json", summary)
    write_json(folder / "metrics.json", {"validation": {"loss": judged.score, "perplexity": found}})
    runs.list_results(folder)
    log.info("perplexity %.2f; fine-tune from it with model.backbone=%s", found, folder / "export")


def distil(model: DictConfig, data: SentimentData, trainer: pl.Trainer) -> dict[str, Any]:
    """Add the answers of `model.teacher` to the training rows, and return what run_summary.json says of it."""
    if not (names := teachers(model.get("teacher"))):
        return {}
    device = trainer.strategy.root_device.type
    found = teach(data, names, temperature=model.teacher_temperature, device="cpu" if device != "cuda" else device)
    return {"teacher": {**found, "share": model.teacher_share}}


def monitored_metric(cfg: DictConfig) -> str:
    """Return the validation metric by which epochs are compared, without the prefix `validation/`."""
    return str(cfg.callbacks.best.monitor).removeprefix("validation/")


def summarize(
    cfg: DictConfig, data: SentimentData, trainer: pl.Trainer, choice: Choice, *, runtime: str, seconds: float
) -> dict[str, Any]:
    """Build run_summary.json: what is needed to trust, compare and reproduce the run."""
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
