"""Find the folder of a fine-tuned model: on this machine, or on the Hugging Face hub."""

import os
import re
from pathlib import Path

from sentiment.errors import ConfigError, ModelError
from sentiment.inference.export_dir import PREPROCESSING
from sentiment.inference.privacy import keep_to_this_machine
from sentiment.remote import as_path, is_remote

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
FILES = ["*.json", "*.safetensors", "*.onnx", "*.txt", "SHA256SUMS"]  # of an export; no checkpoints


def locate(name: str | os.PathLike[str], *, revision: str | None) -> Path:
    """Return the folder of a path, or of a hub id, which is downloaded into the cache of the hub's client.

    Args:
        name: A path, or an address in a store; a text that names no folder and has the form "user/model" is a hub id.
        revision: The branch, tag or commit of the hub id.

    Raises:
        ConfigError: A revision of a local folder.
        ModelError: There is no such folder, and no such model on the hub, or it is out of reach.
    """
    path = as_path(os.fspath(name) if isinstance(name, str | os.PathLike) else name)
    path = path if is_remote(path) else path.expanduser()
    if path.exists() or is_remote(path) or not (isinstance(name, str) and HUB_ID.fullmatch(name)):
        if revision is not None:
            raise ConfigError(f"revision={revision}: {path} is a folder, which has no revisions; leave it out")
        return path
    folder = download(name, revision)
    if not any((part / PREPROCESSING).is_file() for part in (folder, folder / "export")):
        raise ModelError(
            f"{name} on the hub has no {PREPROCESSING}: it is no export of this project; fine-tune from it with "
            f"model.backbone={name}"
        )
    return folder


def download(name: str, revision: str | None) -> Path:
    """Return the snapshot of a hub id. Raises ModelError where neither hub nor cache has it."""
    keep_to_this_machine()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    at = f"{name} at revision {revision}" if revision else name
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=FILES))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        reason = " ".join(str(error).split(". ")[0].split()) or type(error).__name__
        raise ModelError(
            f"{at}: no such folder on this machine, and not to be loaded from the hub ({reason}); name a run "
            "directory, outputs/<run>, or a hub id that can be reached"
        ) from error
