"""Export of a trained model as a Hugging Face folder that loads with `from_pretrained`, with all files for serving."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sentiment.files import json_text, replacing, write_json, write_text
from sentiment.inference.checksums import replace_listed, update_checksums, write_checksums
from sentiment.inference.export_dir import PREPROCESSING, read_preprocessing, read_tokenizer
from sentiment.inference.pairs import Text
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.readability import READABILITY, Readability
from sentiment.inference.tasks import decoding_of
from sentiment.inference.tokenization import encode


def export(
    network: Any,
    tokenizer: Any,
    preprocessing: Preprocessing,
    *,
    into: Path,
    readability: Readability | None = None,
    keep: Sequence[Path] = (),
) -> Path:
    """Write config.json, model.safetensors, the tokenizer, vocab.txt, preprocessing.json and SHA256SUMS to `into`.

    Beside them readability.json, where `readability` is given, and copies of the files of `keep`.
    """
    with replacing(into, marker=PREPROCESSING) as folder:
        if decoding_of(preprocessing.task).kind == "multi":
            network.config.problem_type = "multi_label_classification"  # by which pipelines take the sigmoid
        write_weights(network, folder)
        for path in keep:
            shutil.copyfile(path, folder / path.name)
        tokenizer.save_pretrained(folder)
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary), encoding="utf-8")
        write_json(folder / PREPROCESSING, preprocessing.to_json())
        if readability:
            write_json(folder / READABILITY, readability.to_json())
        write_checksums(folder)
    return into


def write_weights(network: Any, folder: Path, **options: Any) -> None:
    """Save a model of transformers, readable to whom config.json is: safetensors keeps its files from other users."""
    network.save_pretrained(folder, **options)
    for weights in folder.glob("*.safetensors"):
        shutil.copymode(folder / "config.json", weights)


def update_readability(exported: Path, texts: Sequence[Text]) -> None:
    """Learn from the training texts what an export of an earlier version does not know of them: their languages."""
    tokenizer = read_tokenizer(exported)
    if Readability.read(exported, tokenizer).languages is None:
        rows = encode(texts, tokenizer, read_preprocessing(exported))
        content = json_text(Readability.fit(tokenizer, rows).to_json())
        if (exported / READABILITY).is_file():
            replace_listed(exported / READABILITY, content)
        else:
            write_text(exported / READABILITY, content)
            update_checksums(exported, READABILITY)


def update_preprocessing(exported: Path, **changes: Any) -> Preprocessing:
    """Update fields of an export's preprocessing.json and return the new content."""
    changed = replace(read_preprocessing(exported), **changes)
    replace_listed(exported / PREPROCESSING, json_text(changed.to_json()))
    return changed
