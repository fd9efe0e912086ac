"""Provenance of a run: package versions, machine and git commit."""

import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Iterable
from typing import Any

PACKAGES = (
    "bert-sentiment",
    "torch",
    "transformers",
    "onnxruntime",
    "pytorch-lightning",
    "datasets",
    "torchmetrics",
    "hydra-core",
)


def environment() -> dict[str, Any]:
    return {
        "versions": versions(PACKAGES),
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
        "git_commit": git_commit(),
    }


def git_commit() -> str | None:
    """Return the commit of the working directory, with "-dirty" if it has changes; None outside a repository."""
    try:
        command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Return the version of Python and of each package, None for one that is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found
