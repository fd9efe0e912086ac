"""Loading of an export folder for a predictor, verified meanwhile."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from sentiment.errors import ConfigError
from sentiment.files import damaged
from sentiment.inference.abstention import Abstention
from sentiment.inference.bf16 import open_on_gpu
from sentiment.inference.checksums import verified_beside
from sentiment.inference.exits import check_exits, has_exits, open_parts
from sentiment.inference.export_dir import (
    PREPROCESSING,
    export_folder,
    labels_of,
    load_torch,
    padding_of,
    read_preprocessing,
    read_tokenizer,
    warn_if_unfinished,
)
from sentiment.inference.preprocessing import Preprocessing, with_threshold
from sentiment.inference.readability import Readability
from sentiment.inference.runtimes import CLASSES, Compute, Opening, open_runtime
from sentiment.inference.tasks import decoding_of
from sentiment.inference.types import Threshold, list_labels
from sentiment.remote import local_copy

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Content of an export folder, with the settings that override its own.

    Attributes:
        compute: Turns rows of token ids into logits.
        tokenizer: Of the `tokenizers` library.
        preprocessing: Cleaning, truncation, windows and temperature.
        labels: In the order of the logits.
        pad_id: The id of the padding token.
        load_model: Returns the model of transformers, which is loaded where gradients are needed.
        readability: Measures what of a text the model can read.
        sha256: The hash of the export (`sentiment.inference.checksums.export_hash`).
        runtime: The name of what computes.
        abstention: Error rates that the validation split can promise, for `preprocessing.max_error`.
    """

    compute: Compute
    tokenizer: Tokenizer
    preprocessing: Preprocessing
    labels: list[str]
    pad_id: int
    load_model: Callable[[], Any]
    readability: Readability
    sha256: str
    runtime: str
    abstention: Abstention | None = None


def load_export(
    run: str | Path,
    *,
    device: str,
    runtime: str,
    window_step: int | None,
    max_error: float | None,
    default_aspect: str | None,
    threshold: Threshold | None,
    exits: bool | None = None,
) -> Loaded:
    """Load a run directory or an export folder; the settings are those of `Predictor.from_pretrained`.

    Raises:
        ConfigError: A setting that this model does not have.
        ModelError: A file is missing, damaged, or does not match SHA256SUMS.
    """
    warn_if_unfinished(copy := local_copy(run))
    export = export_folder(copy)
    with verified_beside(export) as hashes:
        preprocessing = read_preprocessing(
            export, window_step=window_step, max_error=max_error, default_aspect=default_aspect, exits=exits
        )
        labels, tokenizer = labels_of(export), read_tokenizer(export)
        check_task(export, preprocessing, labels)
        if threshold is not None:
            preprocessing = with_threshold(preprocessing, labels, threshold)
        pad_id = padding_of(export, tokenizer)
        readability, abstention = Readability.read(export, tokenizer), Abstention.read(export)
        load_model = cache(lambda: load_torch(export, device))
        chosen = preprocessing.runtime if runtime == "auto" else runtime
        if chosen not in CLASSES:
            raise ConfigError(f"runtime={chosen}: there are {', '.join(CLASSES)}")
        longest, decoding = preprocessing.max_length, decoding_of(preprocessing.task)
        opening = Opening(chosen, export, len(labels), pad_id, device, longest, load_model, decoding)
        compute: Compute
        if runtime == "auto" and device != "cpu":
            chosen, compute = open_on_gpu(opening)
        elif has_exits(export, chosen):
            compute = open_parts(opening, leave=preprocessing.exits)
        else:
            compute = open_runtime(opening)
        if exits:
            check_exits(export, chosen, kind=decoding.kind)
        elif chosen != preprocessing.runtime and preprocessing.exits and has_exits(export, preprocessing.runtime):
            log.info("early exits are of the runtime %s; %s computes all layers", preprocessing.runtime, chosen)
    return Loaded(
        compute, tokenizer, preprocessing, labels, pad_id, load_model, readability, hashes[0], chosen, abstention
    )


def check_task(export: Path, preprocessing: Preprocessing, labels: list[str]) -> None:
    """Raise DamagedFileError if a setting of the task is not one for each label."""
    for name in ("values", "thresholds"):
        if len((preprocessing.task or {}).get(name, labels)) != len(labels):
            told = f"its task.{name} are not one for each of {list_labels(labels)}"
            raise damaged(export / PREPROCESSING, told)
