"""One side of the comparison of training, in a process of its own.

python -m benchmarks.worker SIDE PRECISION LENGTH TEXTS FOLDER

"train N" fine-tunes on the N-th slice of FOLDER/train.csv; "end" scores FOLDER/held-out.csv and tells the peak memory.
"""

import gc
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from hydra.utils import instantiate
from omegaconf import open_dict
from tokenizers import Tokenizer

from benchmarks.measuring import peak_memory
from sentiment.backbones import PACKAGED, resolve
from sentiment.config.compose import compose
from sentiment.inference.batching import pad
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.tokenization import encode
from sentiment.training.cpu_kernels import kept_memory

BATCH, RATE = 32, 5e-5


class Ours:
    """The trainer, model and data that `python train.py` makes of the config, without validation and checkpoints.

    Its precision is the default on this processor.
    """

    def __init__(self, folder: Path, length: int, precision: str) -> None:
        self.folder = folder
        self.overrides = [
            "data=files",
            f"data.max_length={length}",
            f"model.lr={RATE}",
            "model.warmup_ratio=0",
            "seed=0",
        ]
        self.overrides += ["trainer.max_epochs=1", f"data.batch_size={BATCH}"]
        self.overrides += ["trainer.limit_val_batches=0", "~callbacks.best", "~callbacks.last", "~callbacks.stop"]
        self.overrides += ["~callbacks.progress", f"paths.cache={folder}/cache", "trainer.accelerator=cpu"]
        torch.manual_seed(0)
        self.model: Any = None

    @property
    def network(self) -> Any:
        return self.model.network

    def train(self, slice_: pd.DataFrame, name: str) -> float:
        path = self.folder / f"{name}.csv"
        slice_.to_csv(path, index=False)
        cfg = compose("train", [*self.overrides, f"data.train={path}", f"data.validation={path}"])
        with open_dict(cfg):
            cfg.hydra.runtime.output_dir = str(self.folder / "lightning")
        from hydra.core.hydra_config import HydraConfig

        HydraConfig.instance().set_config(cfg)
        data = instantiate(cfg.data)
        data.setup()
        self.model = self.model or instantiate(cfg.model, labels=data.labels)
        trainer = instantiate(
            cfg.trainer,
            callbacks=[instantiate(callback) for callback in cfg.callbacks.values() if callback],
            logger=[instantiate(logger) for logger in cfg.logger.values() if logger],
            enable_checkpointing=False,
            enable_progress_bar=False,
        )
        started = time.perf_counter()
        with kept_memory():
            trainer.fit(self.model, datamodule=data)
        seconds = time.perf_counter() - started
        self.model.trainer = None  # which holds the state of its optimizer
        return seconds


class Peer:
    """The Trainer as its documentation has it: defaults, dynamic padding, rows tokenized before."""

    def __init__(self, folder: Path, length: int, precision: str) -> None:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer

        self.folder, self.length, self.precision = folder, length, precision
        self.tokenizer = AutoTokenizer.from_pretrained(resolve(PACKAGED))
        torch.manual_seed(0)
        self.network = AutoModelForSequenceClassification.from_pretrained(resolve(PACKAGED), num_labels=2)

    def train(self, slice_: pd.DataFrame, name: str) -> float:
        from datasets import Dataset
        from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

        rows = Dataset.from_dict({"text": list(slice_["text"]), "label": numbers(slice_)})
        rows = rows.map(
            lambda some: self.tokenizer(some["text"], truncation=True, max_length=self.length), batched=True
        )
        arguments = TrainingArguments(
            output_dir=str(self.folder / "trainer"), num_train_epochs=1, per_device_train_batch_size=BATCH,
            learning_rate=RATE, report_to="none", save_strategy="no", use_cpu=True, bf16=self.precision == "bf16",
            disable_tqdm=True,
        )  # fmt: skip
        trainer = Trainer(
            self.network, arguments, train_dataset=rows, data_collator=DataCollatorWithPadding(self.tokenizer)
        )
        started = time.perf_counter()
        trainer.train()
        return time.perf_counter() - started


def numbers(rows: pd.DataFrame) -> list[int]:
    return [int(label == "positive" or label == "1" or label == 1) for label in rows["label"]]


def tokenizer() -> Tokenizer:
    return Tokenizer.from_file(f"{resolve(PACKAGED)}/tokenizer.json")


def lengths(texts: list[str], length: int) -> list[int]:
    return [len(row) for row in encode(texts, tokenizer(), Preprocessing(length))]


def flops(network: Any, tokens: list[int]) -> float:
    """Of forward and backward over real tokens: 6 for each weight of a layer, and the products of attention."""
    weights = sum(p.numel() for name, p in network.named_parameters() if ".layer." in name and p.ndim == 2)
    config = network.config
    attention = 12 * config.num_hidden_layers * config.hidden_size * sum(n * n for n in tokens)
    return 6.0 * weights * sum(tokens) + attention


def matrix_peak(dtype: torch.dtype) -> float:
    """GFLOP/s of square matrix products, the best of a few sizes."""
    best = 0.0
    for size in (768, 1024, 1536):
        a, b = torch.randn(size, size, dtype=dtype), torch.randn(size, size, dtype=dtype)
        times = []
        for _ in range(6):
            started = time.perf_counter()
            a @ b
            times.append(time.perf_counter() - started)
        best = max(best, 2 * size**3 / statistics.median(times[1:]) / 1e9)
    return best


@torch.inference_mode()
def held_out_loss(network: Any, rows: pd.DataFrame, length: int) -> float:
    ids = encode(list(rows["text"]), tokenizer(), Preprocessing(length))
    network.eval()
    logits = torch.cat([network(**pad([row], 0)).logits for row in ids])
    network.train()
    return float(torch.nn.functional.cross_entropy(logits.float(), torch.tensor(numbers(rows))))


def main() -> None:
    side, precision, length, texts, place = sys.argv[1:]
    folder, max_length, count = Path(place), int(length), int(texts)
    rows, held_out = pd.read_csv(folder / "train.csv"), pd.read_csv(folder / "held-out.csv")
    runner = {"ours": Ours, "Trainer": Peer}[side](folder, max_length, precision)
    at = 0
    for line in sys.stdin:
        if line.startswith("train"):
            start = at % max(1, len(rows) - count + 1)
            some, at = rows.iloc[start : start + count], at + count
            seconds = runner.train(some, f"{side}-{at}")
            gc.collect()  # a trainer and its optimizer hold each other
            work = flops(runner.network, lengths(list(some["text"]), max_length))
            print(json.dumps({"seconds": seconds, "flops": work}), flush=True)
        else:
            peak_mb = peak_memory()
            loss = held_out_loss(runner.network, held_out, max_length)
            dtype = torch.bfloat16 if precision == "bf16" else torch.float32
            print(json.dumps({"peak_mb": peak_mb, "loss": loss, "peak_gflops": matrix_peak(dtype)}), flush=True)


if __name__ == "__main__":
    main()
