"""Steps of training on a GPU, by the product and by transformers' Trainer, for benchmarks.gpu."""

import csv
import inspect
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from hydra.utils import instantiate
from omegaconf import open_dict

from benchmarks import gpu_material as material
from sentiment.config.compose import compose
from sentiment.inference.packing import enable_packing

WARM = 10  # steps before the clock starts


class Timer(pl.Callback):
    """Seconds, losses and real tokens of the steps after the first `WARM`."""

    def __init__(self, warm: int, profile: Any = None) -> None:
        self.warm, self.profile, self.seconds, self.first = warm, profile, 0.0, 0.0
        self.lengths: list[torch.Tensor] = []
        self.losses: list[torch.Tensor] = []
        self._started = 0.0

    def on_train_start(self, *_: Any) -> None:
        self.first = -clock()

    def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.losses.append(outputs["loss"].detach())
        if batch_idx == 0:
            self.first += clock()
        if batch_idx + 1 == self.warm:
            self._started = clock()
        elif batch_idx + 1 > self.warm:
            packed = batch.get("cu_seq_lens_q")
            self.lengths.append(batch["attention_mask"].sum(1) if packed is None else packed.diff()[:-1])
        if self.profile:
            self.profile.step(batch_idx + 1)

    def on_train_epoch_end(self, *_: Any) -> None:
        self.seconds = clock() - self._started


def clock() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def ours(  # noqa: PLR0913
    folder: Path, model: Path, *, length: Any, max_length: int, batch: int, steps: int, warm: int = WARM,
    packed: bool = True, compiled: bool = False, overrides: tuple[str, ...] = (), accelerator: str = "auto",
    profile: Any = None, whole: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Train as `python train.py` does, without validation and checkpoints; `whole` compiles the network as one."""
    cfg = composed(folder, model, length=length, max_length=max_length, batch=batch, steps=steps + warm,
                   overrides=(f"trainer.accelerator={accelerator}", f"model.accelerate={str(packed).lower()}",
                              f"model.compile={str(compiled).lower()}", *overrides))  # fmt: skip
    pl.seed_everything(0, verbose=False)
    data = instantiate(cfg.data)
    data.setup()
    module = instantiate(cfg.model, labels=data.labels)
    if packed and accelerator == "cpu":  # as on a GPU; for the check of this program on a processor
        enable_packing(module.network)
        data.packed = True
    timer = Timer(warm, profile)
    _ = module.network.compile(dynamic=True) if whole else None
    trainer = instantiate(
        cfg.trainer, callbacks=[*(instantiate(one) for one in cfg.callbacks.values() if one), timer], logger=False,
        enable_checkpointing=False, enable_progress_bar=False,
    )  # fmt: skip
    reset_peak()
    trainer.fit(module, datamodule=data)
    lengths = [int(n) for one in timer.lengths for n in one.tolist()]
    return {
        **measured(module.network.config, lengths, timer.seconds, steps, last_token_alone=True),
        "first_step_s": round(timer.first, 1),
        "losses": [round(float(loss), 4) for loss in timer.losses],
        "precision": str(trainer.precision),
        "packed": data.packed,
        "module": module,
        "data": data,
    }


def composed(
    folder: Path, model: Path, *, length: Any, max_length: int, batch: int, steps: int, overrides: tuple[str, ...]
) -> Any:
    from hydra.core.hydra_config import HydraConfig

    paths = []
    for name, rows in {"train": steps * batch, "validation": max(8, min(64, batch))}.items():
        paths.append(folder / f"{name}.csv")
        with paths[-1].open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["text", "label"])
            made = material.texts(rows, length, seed=len(name))
            writer.writerows((text, material.label(i)) for i, text in enumerate(made))
    given = [
        "data=files", f"data.train={paths[0]}", f"data.validation={paths[1]}", f"data.max_length={max_length}",
        f"data.batch_size={batch}", f"paths.cache={folder}/cache", f"model.backbone={model}", "model.new_tokens=null",
        "model.lr=5e-5", "seed=0", "trainer.max_epochs=1", "trainer.limit_val_batches=0", "~callbacks.best",
        "~callbacks.last", "~callbacks.stop", "~callbacks.final", "~callbacks.progress", *overrides,
    ]  # fmt: skip
    cfg = compose("train", given)
    with open_dict(cfg):
        cfg.hydra.runtime.output_dir = str(folder / "lightning")
    HydraConfig.instance().set_config(cfg)
    return cfg


def peer(
    folder: Path, model: Path, *, length: Any, max_length: int, batch: int, steps: int, warm: int = WARM,
    compiled: bool = False, grouped: bool = True, cpu: bool = False, profile: Any = None,
) -> dict[str, Any]:  # fmt: skip
    """Train with transformers' Trainer at its best: bf16, fused AdamW, SDPA, rows grouped by length."""
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    tokenizer = AutoTokenizer.from_pretrained(model)
    made = material.texts((steps + warm) * batch, length, seed=5)
    ids = tokenizer(made, truncation=True, max_length=max_length)["input_ids"]
    rows = [{"input_ids": row, "label": i % 2} for i, row in enumerate(ids)]
    network = AutoModelForSequenceClassification.from_pretrained(model, num_labels=2, attn_implementation="sdpa")
    known = inspect.signature(TrainingArguments).parameters
    grouping = {"train_sampling_strategy": "group_by_length"} if "train_sampling_strategy" in known else {
        "group_by_length": True}  # fmt: skip
    arguments = TrainingArguments(
        output_dir=str(folder / "trainer"), num_train_epochs=1, per_device_train_batch_size=batch, learning_rate=5e-5,
        report_to="none", save_strategy="no", bf16=not cpu, use_cpu=cpu, disable_tqdm=True, logging_strategy="no",
        logging_nan_inf_filter=False, optim="adamw_torch_fused", torch_compile=compiled,
        dataloader_num_workers=0 if cpu else 4, dataloader_pin_memory=not cpu, **(grouping if grouped else {}),
    )  # fmt: skip
    lengths: list[torch.Tensor] = []
    times: dict[int, float] = {0: clock()}

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if state.global_step in (1, warm):
                times[state.global_step] = clock()
            if profile:
                profile.step(state.global_step)

    class Counting(Trainer):  # type: ignore[misc]
        def training_step(self, network: Any, inputs: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
            lengths.append(inputs["attention_mask"].sum(1))
            loss: torch.Tensor = super().training_step(network, inputs, *args, **kwargs)
            return loss

    trainer = Counting(
        network, arguments, train_dataset=rows, callbacks=[Clock()],
        data_collator=DataCollatorWithPadding(tokenizer, pad_to_multiple_of=8),
    )  # fmt: skip
    reset_peak()
    trainer.train()
    seconds = clock() - times[warm]
    counted = [int(n) for one in lengths[warm:] for n in one.tolist()]
    return {
        **measured(network.config, counted, seconds, steps, last_token_alone=False),
        "first_step_s": round(times[1] - times[0], 1),
    }


def measured(config: Any, lengths: list[int], seconds: float, steps: int, *, last_token_alone: bool) -> dict[str, Any]:
    """Rates of training; a backward pass takes twice the operations of a forward pass."""
    whole = 3 * material.model_flops(config, lengths)
    done = 3 * material.model_flops(config, lengths, labels_only=last_token_alone)
    return {
        "ms_per_step": round(seconds / steps * 1000, 2),
        "texts_s": round(len(lengths) / seconds, 1),
        "tokens_s": round(sum(lengths) / seconds),
        "tflops": round(whole / seconds / 1e12, 2),
        "tflops_done": round(done / seconds / 1e12, 2),
        "peak_gb": peak_gb(),
    }


def reset_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_gb() -> float | None:
    return round(torch.cuda.max_memory_allocated() / 2**30, 2) if torch.cuda.is_available() else None
