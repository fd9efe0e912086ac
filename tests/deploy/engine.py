"""Images and containers by buildah alone, which needs no daemon: chroots, each in a network of its own."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from sentiment.files import replacing
from tests.conftest import ROOT

BASE = "localhost/base:bookworm"
PACKAGES = "python3.11,python3.11-venv,python3-distutils,ca-certificates"
RANGES = ("192.0.2", "198.51.100", "203.0.113")  # kept for examples, RFC 5737
TAKEN = {one.address.rpartition(".")[0] for all_of_one in psutil.net_if_addrs().values() for one in all_of_one}
RANGE = next(one for one in RANGES if one not in TAKEN)
OUTSIDE, INSIDE = f"{RANGE}.1", f"{RANGE}.2"  # the two ends of the cable
# vfs copies each layer, but overlay cannot be mounted twice: a health check beside the server would break both.
STORAGE = '[storage]\ndriver = "vfs"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n'


class Engine:
    """A storage of images in a folder; what is made in it is gone after `clear`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "storage.conf").write_text(STORAGE.format(folder=folder))
        self.environment = {
            **os.environ,
            "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
            "ENGINE": "buildah",
        }

    def buildah(self, *arguments: str) -> str:
        command = ["buildah", *arguments]
        return subprocess.run(
            command, env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()

    def load(self, archive: Path) -> None:
        """The tar of a root file system as the base image."""
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, str(archive))
        self.buildah("config", "--env", "PATH=/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin:/bin:/sbin", container)
        self.buildah("commit", "--quiet", "--rm", container, BASE)

    def build(self, context: Path, *arguments: str, volumes: Sequence[str]) -> None:
        """Run the script of a checkout on the base image."""
        options = [option for volume in volumes for option in ("--volume", volume)]
        command = [str(context / "deploy" / "build.sh"), "-b", BASE, *arguments, "--", *options]
        subprocess.run(command, env=self.environment, check=True)

    def config(self, image: str) -> dict:
        return json.loads(self.buildah("inspect", "--type", "image", image))["Docker"]["config"]

    def clear(self) -> None:
        self.buildah("rm", "--all")
        self.buildah("rmi", "--all", "--force")
        shutil.rmtree(self.folder)


class Container:
    """A container of an image; `started` runs its entry point, `run` a command beside it."""

    def __init__(self, engine: Engine, image: str, network: str, *, volumes: list[str]) -> None:
        self.engine, self.network, self.config = engine, network, engine.config(image)
        self.name = engine.buildah("from", image)
        self.options = [option for volume in volumes for option in ("--volume", volume)]

    @property
    def root(self) -> Path:
        return Path(self.engine.buildah("mount", self.name))

    def command(self, *command: str) -> list[str]:
        """A chroot has no process 1 of its own: tini is told to do as if."""
        run = ["buildah", "run", "--env", "TINI_SUBREAPER=1", *self.options, self.name, "--", *command]
        return ["ip", "netns", "exec", self.network, *run]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*command), env=self.engine.environment, capture_output=True, text=True)

    def healthy(self) -> bool:
        form, *command = self.config["Healthcheck"]["Test"]
        assert form == "CMD"
        return self.run(*command).returncode == 0

    @contextlib.contextmanager
    def started(self, *arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        command = self.command(*self.config["Entrypoint"], *arguments)
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=self.engine.environment, stdout=output, stderr=output)
        try:
            yield process
        finally:  # not all of the network: another container may share it
            own = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            for one in without_engine(own):
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.kill()
            process.wait(30)

    def processes(self, word: str = "") -> list[psutil.Process]:
        """What runs in this container's network, but for the engine; `word` is in one of their command lines."""
        found = []
        for pid in subprocess.check_output(["ip", "netns", "pids", self.network], text=True).split():
            with contextlib.suppress(psutil.NoSuchProcess):
                found.append(psutil.Process(int(pid)))
        return without_engine(found, word)


def without_engine(processes: Sequence[psutil.Process], word: str = "") -> list[psutil.Process]:
    """Leave out buildah's own processes, which clean up once those in the container have ended."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            line = process.cmdline()
            if line and not line[0].startswith("buildah") and any(word in part for part in line):
                found.append(process)
    return found


@contextlib.contextmanager
def network(name: str) -> Iterator[str]:
    """A network namespace with its own loopback, and a cable to this machine: INSIDE is its end there."""

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True)

    ip("netns", "add", name)
    try:
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", f"{OUTSIDE}/30", "dev", name)
        ip("link", "set", name, "up")
        for setting in (["addr", "add", f"{INSIDE}/30", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            ip("-n", name, *setting)
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "del", name)


def base_archive(cache: Path) -> Path:
    """A slim Debian with Python 3.11 as a tar, made once for a cache folder."""
    archive = cache / "bookworm-python3.11.tar"
    if not archive.exists():
        with replacing(archive) as temporary, tempfile.TemporaryDirectory(dir=cache) as folder:
            command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", folder]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["tar", "--one-file-system", "-C", folder, "-cf", str(temporary), "."], check=True)
    return archive


def checkout(into: Path) -> Path:
    """The files under version control, changed ones as they are."""
    names = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0")
    for name in filter(None, names):
        target = into / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target)
    return into


def pip_settings() -> dict[str, str]:
    """What pip is told on this machine."""
    listed = subprocess.check_output([sys.executable, "-m", "pip", "config", "list"], text=True)
    settings = {line.partition("=")[0].split(".")[-1]: line.partition("=")[2] for line in listed.splitlines()}
    return {key: value.strip("'\"").replace("\\n", " ") for key, value in settings.items()}


def torch_index(folder: Path) -> list[str]:
    """Return -i and an index of the CPU builds of torch that lie here, with their hashes as PyTorch's own has; or [].

    pip prefers a link whose hash it knows to one that says none, as those of --find-links do.
    """
    places = [Path(word) for word in pip_settings().get("find-links", "").split() if word.startswith("/")]
    wheels = [wheel for place in places for wheel in place.glob("torch-*+cpu-*.whl")]
    hashes = {wheel: hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels}
    links = [f'<a href="{wheel.as_uri()}#sha256={digest}">{wheel.name}</a>' for wheel, digest in hashes.items()]
    (folder / "torch").mkdir(parents=True)
    (folder / "torch" / "index.html").write_text("\n".join(links))
    return ["-i", folder.as_uri()] if links else []


def pip_volumes(folder: Path) -> list[str]:
    """What pip is told on this machine, as a file and the local files it names, for pip in a build."""
    plain = pip_settings()
    (folder / "pip.conf").write_text("[global]\n" + "".join(f"{key} = {value}\n" for key, value in plain.items()))
    words = [word for value in plain.values() for word in value.split()]
    files = {Path(word) for word in words if word.startswith("/")}
    files |= {Path(word.removeprefix("file://")).parent for word in words if word.startswith("file://")}
    paths = [path for path in sorted(files) if path.exists()]
    return [f"{folder / 'pip.conf'}:/etc/pip.conf:ro", *(f"{path}:{path}:ro" for path in paths)]
