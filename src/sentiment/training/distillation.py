"""Knowledge distillation: what other models answer to the training texts (Hinton et al. 2015)."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, Features, Value
from datasets import Sequence as ListOf
from numpy.typing import NDArray

from sentiment.backbones import load_tokenizer, positions
from sentiment.console import track_chunks
from sentiment.data.cache import load_or_build
from sentiment.data.module import SentimentData
from sentiment.errors import ConfigError, ModelError
from sentiment.evaluation.calibration import apply_temperature
from sentiment.inference.batching import MAX_TOKENS
from sentiment.inference.checksums import export_hash
from sentiment.inference.export_dir import PREPROCESSING, labels_of, load_torch
from sentiment.inference.hub import HUB_ID, download
from sentiment.inference.loading import Loaded
from sentiment.inference.pairs import Text
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.readability import Readability
from sentiment.inference.runtimes import Opening, open_runtime
from sentiment.inference.tasks import decoding_of
from sentiment.inference.types import list_labels
from sentiment.inference.word_pieces import remove_limits
from sentiment.training.heads import row_order

log = logging.getLogger(__name__)

CHUNK = 2048  # texts that a teacher answers at once, and that a stopped run may have to answer again
COLUMN = "probabilities"


def teachers(names: str | Sequence[str] | None) -> list[str]:
    """Return one name or several as a list."""
    return [] if names is None else [names] if isinstance(names, str) else list(names)


def check_teachers(names: Sequence[str]) -> None:
    """Raise ConfigError for a teacher that is no folder with a model and has not the form of a hub id."""
    for name in names:
        folder = Path(name).expanduser()
        if folder.exists():
            if not any((part / "config.json").is_file() for part in (folder, folder / "export")):
                raise ConfigError(f"model.teacher={name}: no finished run and no model; name outputs/RUN or its export")
        elif not HUB_ID.fullmatch(name):
            raise ConfigError(f"model.teacher={name}: no such folder; name a run, outputs/RUN, an export or a hub id")


def teach(data: SentimentData, names: Sequence[str], *, temperature: float, device: str) -> dict[str, Any]:
    """Have models answer the training and the unlabelled texts, and add the mean of their answers to the rows.

    Each model's answers are cached by its hash and the texts, whatever the temperature.

    Returns:
        For run_summary.json: each model's name and hash, the temperature and the number of unlabelled texts.

    Raises:
        ConfigError: As for `order_of`.
        ModelError: A model cannot be loaded.
    """
    texts = data.taught_texts
    total, models = np.zeros((len(texts), len(data.labels)), np.float32), []
    for name in names:
        with open_teacher(name, device=device, preprocessing=data.preprocessing) as teacher:
            order = order_of(teacher, name, data)
            answers = torch.from_numpy(answer_texts(teacher, name, texts, data.cache_dir)[:, order])
            total += apply_temperature(answers, temperature).numpy()
            models.append({"name": name, "sha256": teacher.sha256})
    data.teach(total / np.float32(len(models)))
    return {"models": models, "temperature": temperature, "unlabelled": len(texts) - len(data.splits["train"])}


def order_of(teacher: Predictor, name: str, data: SentimentData) -> list[int]:
    """Return the place of each label of the data among the teacher's.

    Raises:
        ConfigError: The teacher reads other texts, or has other labels.
    """
    if teacher.preprocessing.aspects != data.preprocessing.aspects:
        reads, have = ("an", "none") if teacher.preprocessing.aspects else ("no", "one")
        raise ConfigError(
            f"model.teacher={name} reads {reads} aspect, and the texts have {have}; name a teacher of such texts"
        )
    if decoding_of(teacher.preprocessing.task).kind == "multi":
        raise ConfigError(
            f"model.teacher={name} gives a text any number of labels, the data one; name a teacher of one label a text"
        )
    order = row_order(teacher.labels, data.labels)
    if order is None:
        raise ConfigError(
            f"model.teacher={name} has the labels {list_labels(teacher.labels)}, the data "
            f"{list_labels(data.labels)}; name a teacher of the same labels, or map those by data.label_map"
        )
    return order


def answer_texts(teacher: Predictor, name: str, texts: Sequence[Text], cache_dir: Path) -> NDArray[np.float32]:
    """Return a model's calibrated probabilities (texts, labels), from the cache, which is filled first if needed.

    Each chunk of texts is cached by itself, so that a stopped run keeps what was answered.
    """
    identity = hashlib.sha256(json.dumps(teacher.identity().deciding, sort_keys=True, default=str).encode())
    features = Features({COLUMN: ListOf(Value("float32"), length=len(teacher.labels))})
    answers = np.empty((len(texts), len(teacher.labels)), np.float32)
    log.info("%s answers %d texts, once: the answers are cached", name, len(texts))
    for start in track_chunks(len(texts), CHUNK, f"teacher {name}", log=log, done=f"{name} answered"):
        chunk = texts[start : start + CHUNK]
        digest = identity.copy()
        for text in chunk:
            parts = [text] if isinstance(text, str) else text
            digest.update(hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest())

        def compute(chunk: Sequence[Text] = chunk) -> Dataset:
            return Dataset.from_dict({COLUMN: teacher.probabilities(chunk).numpy()}, features=features)

        path = cache_dir / f"teacher-{digest.hexdigest()[:32]}"
        found = load_or_build(path, compute, rows=len(chunk), columns={COLUMN})
        answers[start : start + CHUNK] = found.with_format("numpy")[COLUMN][:]
    return answers


def open_teacher(name: str, *, device: str, preprocessing: Preprocessing) -> Predictor:
    """Open a run or an export, or else any classifier of transformers, which reads texts cleaned as the student's are.

    Raises:
        ModelError: It cannot be loaded.
    """
    folder = Path(name).expanduser()
    folder = folder if folder.exists() else download(name, None)
    if any((part / PREPROCESSING).is_file() for part in (folder, folder / "export")):
        return Predictor.load(folder, device=device)
    if not (folder / "model.safetensors").is_file():
        raise ModelError(f"model.teacher={name} has no model.safetensors; name a run, an export or a model that has it")
    tokenizer, limit = load_tokenizer(str(folder)), positions(str(folder))
    longest = preprocessing.max_length
    own = replace(preprocessing, max_length=min(longest, limit or longest), window_step=0)
    labels, load_model = labels_of(folder), cache(lambda: load_torch(folder, device))
    opening = Opening("torch", folder, len(labels), tokenizer.pad_token_id, device, own.max_length, load_model)
    texts = remove_limits(tokenizer.backend_tokenizer)
    how = (texts, own, labels, tokenizer.pad_token_id, load_model, Readability.of(texts), export_hash(folder))
    loaded = Loaded(open_runtime(opening), *how, opening.name)
    return Predictor(loaded, max_tokens=MAX_TOKENS["cpu" if device == "cpu" else "gpu"])
