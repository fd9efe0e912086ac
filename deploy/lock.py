"""Resolve constraints.txt and the hashed locks of the images again: make lock.

Pins that still fit are kept; `make lock UPGRADE=--upgrade` takes the newest that fit.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OPTIONS = ("--universal", "--python-version", "3.11", "--no-header", "--quiet", "--annotation-style", "line")
CONSTRAINTS = """\
# The packages of every extra and of the build, on each supported Python and platform, and who asks for them.
# Used with: pip install -c constraints.txt. Made again, after a change of pyproject.toml, with: make lock
"""
LOCK = """\
# {holds}, with the hashes of every file that may be installed.
# Used with: pip install --require-hashes. Made again with: make lock
"""


def resolve(target: str, *sources: str, header: str, options: tuple[str, ...]) -> str:
    """Run uv's resolver; the pins that `target` has already are preferred, but its hashes are asked for again."""
    if (path := ROOT / target).exists():
        path.write_text(re.sub(r" \\\n +--hash=\S+", "", path.read_text()))
    command = ["uv", "pip", "compile", *OPTIONS, *options, "--output-file", target, *sources]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return header + path.read_text()


def with_torch_builds(lock: str) -> str:
    """Add the hashes of deploy/torch-builds.txt to those of torch. Raises SystemExit for another version's."""
    builds = [line.split() for line in (ROOT / "deploy/torch-builds.txt").read_text().splitlines() if line[0] != "#"]
    found = re.search(r"^torch==(\S+).*\\\n", lock, re.MULTILINE)
    if found is None:
        return lock
    for _, wheel in builds:
        if not wheel.startswith(f"torch-{found[1]}+"):
            sys.exit(f"error: deploy/torch-builds.txt lists {wheel}, but torch is {found[1]}: list its builds")
    hashes = "".join(f"    --hash=sha256:{digest} \\\n" for digest, _ in builds)
    return lock[: found.end()] + hashes + lock[found.end() :]


def main(options: tuple[str, ...]) -> None:
    """Write constraints.txt first: the locks hold a part of it."""
    everything = ("--all-extras", "--group", "build", "--group", "lock", *options)
    text = resolve("constraints.txt", "pyproject.toml", header=CONSTRAINTS, options=everything)
    (ROOT / "constraints.txt").write_text(text)
    hashed = ("--generate-hashes", "--constraints", "constraints.txt")
    for name, sources, holds in (
        ("build", ("--group", "build"), "What builds the images' packages"),
        ("serve", ("pyproject.toml", "--extra", "serve"), "What the serve image installs for .[serve]"),
        ("ui", ("pyproject.toml", "--extra", "ui"), "What the page's image installs for .[ui]"),
    ):
        target = f"deploy/{name}.lock"
        text = resolve(target, *sources, header=LOCK.format(holds=holds), options=hashed)
        (ROOT / target).write_text(with_torch_builds(text))


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
