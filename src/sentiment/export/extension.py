"""New tokens for the model of a finished run: its tokenizer and its vectors extended in the export folder."""

from dataclasses import replace
from pathlib import Path

from transformers import AutoTokenizer

from sentiment.data.new_tokens import Wanted, extend, grow
from sentiment.errors import ConfigError
from sentiment.export.huggingface import export
from sentiment.files import damaged
from sentiment.inference.export_dir import QUANTIFICATION, load_torch, read_preprocessing
from sentiment.inference.symbols import CAPITALS

KEPT = ("README.md", QUANTIFICATION, "readability.json", "abstention.json")  # not made of weights or tokens


def add_tokens(exported: Path, wanted: Wanted) -> int:
    """Add tokens to an export folder, turn `cleaning.emoji` on, and return their number; the folder changes whole.

    Args:
        exported: The export folder. Its graphs go, as they have no vectors for the new tokens.
        wanted: As for `sentiment.data.new_tokens.read_wanted`.

    Raises:
        ConfigError: `wanted` is no set, file or list, or names nothing that the model can still learn to read.
        ModelError: The architecture takes no new tokens.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(exported, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # tokenizers raises plain Exception, transformers many types
        raise damaged(exported / "tokenizer.json", str(error).splitlines()[0]) from error
    preprocessing = read_preprocessing(exported)
    pieces = extend(tokenizer, wanted, key="new_tokens")
    if not pieces:
        raise ConfigError(f"new_tokens={wanted}: the tokenizer of {exported} has all of them; leave it out")
    if not preprocessing.cleaning.capitals and tokenizer.convert_tokens_to_ids(CAPITALS) in pieces:
        raise ConfigError("new_tokens=capitals: this run was trained without data.cleaning.capitals; leave it out")
    network = load_torch(exported, "cpu")
    grow(network, pieces, backbone=str(exported), key="new_tokens")
    cleaning = replace(preprocessing.cleaning, emoji=True)
    kept = [exported / name for name in KEPT if (exported / name).is_file()]
    export(network, tokenizer, replace(preprocessing, cleaning=cleaning, runtime="torch"), into=exported, keep=kept)
    return len(pieces)
