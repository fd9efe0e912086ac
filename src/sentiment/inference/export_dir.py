"""Readers of an export folder: preprocessing, labels, padding token, tokenizer and weights.

PyTorch and transformers take seconds to import, so they are imported only when they compute.
"""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from sentiment.errors import ConfigError, ModelError, SentimentError
from sentiment.files import damaged, read_object
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.word_pieces import remove_limits
from sentiment.shell import for_shell

log = logging.getLogger(__name__)

PREPROCESSING = "preprocessing.json"
QUANTIFICATION = "quantification.json"  # estimators of label shares; evaluation writes them, the worker exports some
REQUIRED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", PREPROCESSING)


def export_folder(run: Path) -> Path:
    """Find the export folder of a run: `run`/export, or `run` itself.

    Raises:
        ModelError: Neither is a complete export folder, or it is an adapted backbone without a head for labels.
    """
    for folder in (run / "export", run):
        if all((folder / file).is_file() for file in REQUIRED):
            return folder
    if not run.is_dir():
        raise ModelError(f"run={run}: no such folder; name a run directory, outputs/<run>")
    for folder in (run / "export", run):
        if is_adapted(folder):
            raise ModelError(
                f"run={run} is a backbone that experiment=adapt made, with no head for labels; fine-tune from it: "
                f"sentiment train data=files data.dir=FOLDER {for_shell('model.backbone', folder)}"
            )
    for folder in (run / "export", run):
        missing = [file for file in REQUIRED if not (folder / file).is_file()]
        if len(missing) < len(REQUIRED):
            raise ModelError(
                f"run={run} has no complete export/ folder: {folder / missing[0]} is missing; restore it, "
                f"or make it again: sentiment train {for_shell('resume', run)}"
            )
    if str(run) == ".":
        raise ModelError("no run is named; name a run directory or its export folder: run=outputs/RUN")
    if not any((run / "checkpoints").glob("*.ckpt")):
        raise ModelError(f"run={run} is no run directory: it has neither export/ nor a checkpoint; name outputs/<run>")
    raise ModelError(
        f"run={run} has no complete export/ folder; let the training finish: sentiment train {for_shell('resume', run)}"
    )


def warn_if_unfinished(run: Path) -> None:
    """Log that a run has not come to its end, before which its export gets its runtime and calibration."""
    if (run / ".hydra").is_dir() and (run / "export").is_dir() and not (run / "metrics.json").is_file():
        log.warning(
            "%s is not finished: its export may lack the runtime and the calibration; finish it: sentiment train %s",
            run,
            for_shell("resume", run),
        )


def is_adapted(folder: Path) -> bool:
    """Return True if a folder has a backbone with a head for masked tokens, which is no classifier."""
    if not (folder / "config.json").is_file() or (folder / PREPROCESSING).is_file():
        return False
    named = read_object(folder / "config.json").get("architectures") or []
    return isinstance(named, list) and any(str(name).endswith("ForMaskedLM") for name in named)


def labels_of(export: Path) -> list[str]:
    """Read the labels in the order of the logits.

    transformers omits id2label from config.json when it is the default LABEL_0, LABEL_1.

    Raises:
        DamagedFileError: id2label does not map 0, 1, ... to distinct names.
    """
    path = export / "config.json"
    names = read_object(path).get("id2label", {"0": "LABEL_0", "1": "LABEL_1"})
    if not isinstance(names, dict) or set(names) != {str(i) for i in range(len(names))} or len(names) < 2:
        raise damaged(path, "its id2label does not name the labels 0, 1, ...")
    labels = [names[str(i)] for i in range(len(names))]
    if not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        raise damaged(path, "its id2label names are not different texts")
    return labels


def padding_of(export: Path, tokenizer: Tokenizer) -> int:
    """Return the id of the padding token of tokenizer_config.json. Raises ModelError if the vocabulary lacks it."""
    named = read_object(export / "tokenizer_config.json").get("pad_token")
    name = named.get("content") if isinstance(named, dict) else named
    found = tokenizer.token_to_id(name) if isinstance(name, str) else None
    if found is None:
        raise ModelError(
            f"{export / 'tokenizer_config.json'} names no pad_token that its tokenizer has; add it, or export again"
        )
    return found


def read_preprocessing(
    export: Path,
    *,
    window_step: int | None = None,
    max_error: float | None = None,
    default_aspect: str | None = None,
    exits: bool | None = None,
) -> Preprocessing:
    """Read preprocessing.json of an export folder; the settings override the stored ones.

    Raises:
        DamagedFileError: A key is missing or unknown, or a value is invalid.
        ConfigError: `default_aspect` is given for a model that reads no aspects.
    """
    path = export / PREPROCESSING
    try:
        own = Preprocessing.from_json(read_object(path))
        own.check()
    except KeyError as error:
        raise damaged(path, f"it has no {error}") from error
    except (TypeError, ValueError) as error:
        if isinstance(error, SentimentError):
            raise
        raise damaged(path, str(error).removeprefix("Preprocessing.__init__() ")) from error
    if default_aspect and not own.aspects:
        raise ConfigError(f"default_aspect={default_aspect} does nothing: this model reads no aspects; leave it out")
    changes: dict[str, Any] = {"window_step": window_step, "max_error": max_error, "default_aspect": default_aspect}
    changes["exits"] = exits
    return replace(own, **{name: value for name, value in changes.items() if value is not None})


def read_tokenizer(export: Path) -> Tokenizer:
    path = export / "tokenizer.json"
    try:
        return remove_limits(Tokenizer.from_file(str(path)))
    except Exception as error:  # tokenizers raises nothing narrower
        raise damaged(path, first_line(error)) from error


def load_torch(export: Path, device: str) -> Any:
    """Load the weights with transformers.

    Raises:
        DamagedFileError: The weights are truncated, have other shapes than config.json, or lack tensors.
    """
    from transformers import AutoModelForSequenceClassification

    from sentiment.inference.runtimes import first_token_only

    weights = export / "model.safetensors"
    try:
        network, info = AutoModelForSequenceClassification.from_pretrained(
            export, local_files_only=True, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
    except Exception as error:  # the possible types share no narrower base class
        raise damaged(weights, f"it does not fit {export / 'config.json'} ({first_line(error)})") from error
    if missing := sorted(info["missing_keys"]):
        raise damaged(weights, f"it lacks {missing[0]} and {len(missing) - 1} more of the model's tensors")
    return first_token_only(network).to(device).eval()


def first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
