"""Lines that a run begins with: what was overridden, and what it is about to do."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from sentiment.data.unlabelled import as_paths
from sentiment.training.check import NEEDED


def start_lines(cfg: DictConfig, hydra: Any, folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the title and the text of each line."""
    choices, model, data, trainer = hydra.runtime.choices, cfg.model, cfg.data, cfg.trainer
    yield "overrides", " ".join(hydra.overrides.task) or "none"
    ended = f", from {cfg.resume}" if cfg.resume else ""
    yield "run", f"{folder}{ended}; its whole config is in .hydra/config.yaml, and -v prints it"
    yield "data", f"{choices.data} ({source(data)}), {data.max_length} tokens, batches of {data.batch_size}"
    adapters = ", adapters" if model.get("lora") else ""
    yield "model", f"{choices.model} ({model.backbone}{adapters}), {choices.get('task')}, loss {choices.get('loss')}"
    schedule = f"{model.scheduler}, {model.warmup_ratio:.0%} warm-up"
    yield "optimizer", f"{name(model.optimizer)}, lr {model.lr:g} {schedule}, weight decay {model.weight_decay:g}"
    yield (
        "training",
        f"{length(trainer)}, {trainer.accelerator} x {trainer.devices}, {trainer.precision}, seed {cfg.seed}",
    )
    yield "epochs by", str(cfg.callbacks.best.monitor)
    more = [str(key) for key, node in cfg.callbacks.items() if node and key not in NEEDED]
    curves = "" if "csv" in cfg.logger else " (without csv, the report has no learning curves)"
    loggers = f"{', '.join(cfg.logger) or 'none'}{curves}"
    yield "callbacks", f"{', '.join(more) or 'those that every run needs'}; logger {loggers}"
    adapts = choices.get("task") == "masked"
    yield "afterwards", "a backbone to fine-tune" if adapts else ", ".join(after(cfg.after_training))


def source(data: DictConfig) -> str:
    """Name where the texts come from: files win over a folder, and that over the hub."""
    files = [str(path) for split in ("train", "validation", "test") for path in as_paths(data.get(split) or None)]
    if texts := data.get("texts"):
        return str(texts) if isinstance(texts, str) else ", ".join(map(str, texts))
    return ", ".join(files) or str(data.get("dir") or data.get("hub") or "no source")


def length(trainer: DictConfig) -> str:
    """Return how long training lasts at most."""
    limits = {"epoch": trainer.get("max_epochs"), "step": trainer.get("max_steps")}
    return " or ".join(f"{n} {what}{'s' * (n != 1)}" for what, n in limits.items() if n not in (None, -1))


def after(switches: DictConfig) -> Iterator[str]:
    """Yield what is done once the weights are chosen."""
    if switches.convert:
        yield f"runtime {switches.convert.runtime}"
    yield "calibration" if switches.calibrate else "no calibration"
    yield "no test scores" if switches.test is False else "test scores"
    if switches.baseline is not False and (switches.test is not False or switches.baseline):
        yield "a baseline"


def name(node: DictConfig) -> str:
    return str(node.get("_target_", "none")).rpartition(".")[2]
