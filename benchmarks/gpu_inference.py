"""Answers on a GPU, by the product and by transformers, and whether they are right, for benchmarks.gpu."""

import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks import gpu_material as material
from benchmarks.gpu_training import clock, ours, peak_gb, reset_peak
from sentiment.export.huggingface import export
from sentiment.inference.bf16 import on_device, unfaithful
from sentiment.inference.packing import enable_packing, pack
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.runtimes import TorchRuntime
from sentiment.inference.tokenization import encode

CHUNK = 1024  # texts, as `sentiment predict` reads them


def rates(  # noqa: PLR0913
    folder: Path, model: Path, *, data: str, max_length: int, texts: int, peer_texts: int, repetitions: int,
    device: str, pipelines: tuple[int, ...] = (64, 256),
) -> dict[str, Any]:  # fmt: skip
    """Texts a second of the predictor and its peers, which take turns; medians."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    exported = exported_as(folder, model, max_length)
    predictor = Predictor.load(exported, device=device)
    made = material.texts(texts, material.like(data), seed=7)
    some = made[:peer_texts]
    dtype = torch.bfloat16 if device != "cpu" else torch.float32
    network = AutoModelForSequenceClassification.from_pretrained(exported, dtype=dtype, attn_implementation="sdpa")
    network, tokenizer = network.to(device).eval(), AutoTokenizer.from_pretrained(exported)
    ways: dict[str, tuple[int, Callable[[], Any]]] = {
        "ours": (texts, lambda: list(predictor.stream(made[i : i + CHUNK] for i in range(0, texts, CHUNK))))
    }
    cut, by_length = {"truncation": True, "max_length": max_length}, sorted(some, key=len)
    for size in pipelines:
        pipe = pipeline("text-classification", model=network, tokenizer=tokenizer, device=device, batch_size=size)
        name = f"pipeline, batches of {size}"
        ways[name] = (peer_texts, lambda pipe=pipe: list(pipe(some, **cut)))
        ways[f"{name}, sorted by length"] = (peer_texts, lambda pipe=pipe: list(pipe(by_length, **cut)))
    careful = lambda: loop(network, tokenizer, made, max_length, device)  # noqa: E731
    ways["loop of transformers, sorted by length, 16,384 tokens"] = (texts, careful)
    ids = encode(made, predictor.tokenizer, predictor.preprocessing)
    ways["ours, tokenized before"] = (texts, lambda: predictor._score(ids))
    found: dict[str, list[float]] = {name: [] for name in ways}
    errors: dict[str, str] = {}
    reset_peak()
    for repetition in range(repetitions + 1):
        for name, (count, work) in ways.items():
            if name in errors:
                continue
            try:
                started = clock()
                work()
                seconds = clock() - started
            except Exception as error:  # one way must not cost the others
                errors[name] = f"{type(error).__name__}: {error}"[:200]
                continue
            if repetition:
                found[name].append(count / seconds)
    lengths = [len(row) for row in ids]
    computed = statistics.median(found["ours, tokenized before"] or [0.0])
    work = material.model_flops(network.config, lengths) / len(lengths)
    return {
        "runtime": predictor.settings["runtime"],
        "mean_tokens": round(statistics.mean(lengths), 1),
        "texts_s": {name: round(statistics.median(values), 1) for name, values in found.items() if values},
        "tflops": round(computed * work / 1e12, 2),
        "errors": errors,
        "peak_gb": peak_gb(),
    }


def compute_rates(folder: Path, model: Path, *, data: str, max_length: int, texts: int, device: str) -> dict[str, Any]:
    """Rates of the forward pass alone: budgets of tokens, packed and padded, eager and compiled layers."""
    from sentiment.training.gpu_kernels import compile_layers

    predictor = Predictor.load(exported_as(folder, model, max_length), device=device)
    ids = encode(material.texts(texts, material.like(data), seed=7), predictor.tokenizer, predictor.preprocessing)
    found = {}

    def rate(name: str) -> None:
        try:
            predictor._score(ids)
            times = []
            for _ in range(3):
                started = clock()
                predictor._score(ids)
                times.append(clock() - started)
            found[name] = round(texts / statistics.median(times), 1)
        except Exception as error:  # one way must not cost the others
            found[name] = f"{type(error).__name__}: {error}"[:200]

    compute: Any = predictor.compute
    for budget in (16_384, 32_768, 65_536, 131_072):
        predictor.max_tokens = budget
        rate(f"{budget} tokens")
    predictor.max_tokens = 16_384
    if getattr(compute, "packed", False):
        compute.packed = False
        rate("padded")
        compute.packed = True
        compile_layers(compute.model)
        rate("compiled, 16384 tokens")
        predictor.max_tokens = 65_536
        rate("compiled, 65536 tokens")
    return {"runtime": predictor.settings["runtime"], "texts_s": found, "peak_gb": peak_gb()}


@torch.inference_mode()
def loop(network: Any, tokenizer: Any, texts: list[str], max_length: int, device: str) -> None:
    """What a careful user writes: tokenize at once, sort by length, pad within a budget, read the answers last."""
    ids = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]), reverse=True)
    answers, start = [], 0
    while start < len(order):
        size = max(1, 16_384 // len(ids[order[start]]))
        batch = tokenizer.pad({"input_ids": [ids[i] for i in order[start : start + size]]}, return_tensors="pt")
        answers.append(network(**batch.to(device)).logits.softmax(-1))
        start += size
    torch.cat(answers).float().cpu()


def exported_as(folder: Path, model: Path, max_length: int) -> Path:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    target = folder / f"export-{model.name}-{max_length}"
    if not target.is_dir():
        network = AutoModelForSequenceClassification.from_pretrained(
            model,
            id2label=dict(enumerate(material.LABELS)),
            label2id={name: i for i, name in enumerate(material.LABELS)},
        )
        export(network, AutoTokenizer.from_pretrained(model), Preprocessing(max_length), into=target)
    return target


def check(folder: Path, *, device: str, steps: int, compiled: bool) -> dict[str, Any]:
    """Train a small model in fp32 on the processor and here, and compare losses, then answers of the same weights."""
    model = material.backbone(folder, "tiny", hidden_dropout_prob=0.0)
    given: dict[str, Any] = {"length": material.like("SST-2"), "max_length": 64, "batch": 32, "steps": steps, "warm": 1}
    rate = ("model.lr=2e-3", "model.dropout=0")
    cpu = (*rate, "trainer.precision=32-true")
    reference = ours(folder, model, packed=False, accelerator="cpu", overrides=cpu, **given)
    accelerator = "cpu" if device == "cpu" else "gpu"
    here = (*rate, f"trainer.precision={'32-true' if device == 'cpu' else 'bf16-mixed'}")
    runs = {"packed": {}, "padded": {"packed": False}} | ({"packed, compiled": {"compiled": True}} if compiled else {})
    losses = {
        name: ours(folder, model, accelerator=accelerator, overrides=here, **{**given, **how})["losses"]
        for name, how in runs.items()
    }
    apart = {name: distance(values, reference["losses"]) for name, values in losses.items()}
    module, data = reference["module"], reference["data"]
    exported = export(
        module.merged().cpu().float(), data.tokenizer, replace(data.preprocessing, task=module.decoding.to_json()),
        into=folder / "check-export",
    )  # fmt: skip
    made = material.texts(500, material.like("SST-2"), seed=11, clues=0.15)
    exact, got = Predictor.load(exported), Predictor.load(exported, device=device)
    expected, answers = exact.probabilities(made), got.probabilities(made)
    right = (expected.argmax(-1) == torch.arange(len(made)) % 2).float().mean().item()
    agree = (expected.argmax(-1) == answers.argmax(-1)).float().mean().item()
    return {
        "losses_cpu": reference["losses"][:: max(1, steps // 8)],
        "losses": {name: values[:: max(1, steps // 8)] for name, values in losses.items()},
        "loss_apart": apart,
        "runtime": got.settings["runtime"],
        "accuracy": round(right, 3),
        "agreement": round(agree, 4),
        "probability_apart": round((expected - answers).abs().max().item(), 4),
        "logits_apart": kernels(exact, device),
        "gate": unfaithful(got.compute, exact.compute, encode(made, got.tokenizer, got.preprocessing)),
        "ok": bool(agree >= 0.99 and max(apart.values()) <= 0.05),
    }


def whole_run(folder: Path, *, device: str) -> dict[str, Any]:
    """`sentiment train` on the embedded texts, with validation, scores and report, then answers from its export."""
    from sentiment import train

    model = material.backbone(folder, "tiny")
    accelerator = "cpu" if device == "cpu" else "gpu"
    overrides = [
        f"model.backbone={model}", "model.new_tokens=null", "trainer.max_epochs=1", "data.max_length=32",
        "after_training.convert=null", "model.lr=1e-3", f"trainer.accelerator={accelerator}",
        f"paths.output_dir={folder}/outputs",
        f"paths.cache={folder}/cache", "trainer.enable_progress_bar=false",
    ]  # fmt: skip
    run = train(run_name="whole", overrides=overrides).folder
    return {"runtime": Predictor.load(run, device=device).settings["runtime"]}


def distance(losses: list[float], reference: list[float]) -> float:
    """The mean distance of two curves, each smoothed over five steps."""
    smooth = [[statistics.mean(one[i : i + 5]) for i in range(len(one) - 4)] for one in (losses, reference)]
    return round(statistics.mean(abs(a - b) for a, b in zip(*smooth, strict=True)), 4)


@torch.inference_mode()
def kernels(exact: Predictor, device: str) -> dict[str, float]:
    """The largest difference of logits to fp32 on the processor, by kernel; rows from 2 tokens to the longest."""
    import copy

    rows = [[2, *range(5, 5 + n), 3] for n in (0, 1, 7, 30, exact.preprocessing.max_length - 2)]
    expected = exact.compute(rows).cpu()
    found = {}
    for name, dtype in {"fp32": torch.float32, "bf16": torch.bfloat16}.items():
        network = copy.deepcopy(exact.model).to(device, dtype)
        padded = TorchRuntime(network, exact.pad_id, device=device)(rows).cpu()
        packed = enable_packing(network)(**on_device(pack(rows, exact.pad_id), device)).logits.float().cpu()
        found[f"{name} padded"] = round((padded - expected).abs().max().item(), 5)
        found[f"{name} packed"] = round((packed - expected).abs().max().item(), 5)
    return found
