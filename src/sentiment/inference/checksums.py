"""SHA256SUMS of a folder, in the format of `sha256sum -c`: written with its files, compared when they are read."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from sentiment.errors import ModelError
from sentiment.files import write_text

SUMS = "SHA256SUMS"
UNLISTED = (SUMS, "README.md")  # the card may be edited: no answer depends on it
DECIDING = re.compile(
    r"(config|tokenizer|tokenizer_config|preprocessing)\.json|model\.safetensors|model-onnx(-int8)?\.onnx"
)
LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
Sums = dict[str, set[str]]  # each name's digests: two of a file that is just being replaced


def export_hash(export: Path) -> str:
    """Hash the files of an export folder that decide its answers.

    Returns:
        SHA-256, in hex, over the sorted lines "<SHA-256>  <name>\\n" of config.json, the tokenizer, preprocessing.json,
        the weights and the ONNX graphs. README.md, vocab.txt and SHA256SUMS itself change no answer and are left out.
    """
    return _hash_of({name: file_digest(export / name) for name in file_names(export) if DECIDING.fullmatch(name)})


def verify_export(export: Path, *, graphs: bool = True) -> str:
    """Compare every file that SHA256SUMS lists, if there is one, and return the hash of the export.

    Args:
        export: The folder.
        graphs: False where the ONNX graphs are about to be made again.

    Raises:
        ModelError: A file is missing or not as listed, or SHA256SUMS itself is damaged.
    """
    sums = read_checksums(export)
    names = [name for name in file_names(export) if DECIDING.fullmatch(name) or name in sums]
    digests = {name: file_digest(export / name) for name in names}
    if (export / SUMS).is_file():
        wanted = [name for name in sums if graphs or not name.endswith(".onnx")]
        faults = {name: _fault(export / name, sums[name], digests.get(name)) for name in wanted}
        if damage := [f"{name} {fault}" for name, fault in faults.items() if fault]:
            raise ModelError(f"{export}: {'; '.join(damage)}; {_remedy(export)}")
        unlisted = [name for name in file_names(export) if _always_listed(name) and name not in sums]
        if unlisted:
            raise ModelError(f"{export / SUMS} is cut short: it does not list {unlisted[0]}; {_remedy(export)}")
    return _hash_of({name: digest for name, digest in digests.items() if DECIDING.fullmatch(name)})


@contextmanager
def verified_beside(export: Path) -> Iterator[list[str]]:
    """Verify an export in a thread while the block loads it; damage is reported in place of what it made fail.

    Yields:
        A list that holds the hash of the export once the block has ended.
    """
    found: list[str] = []
    with ThreadPoolExecutor(1) as beside:  # hashlib lets go of the interpreter's lock
        checking = beside.submit(verify_export, export)
        try:
            yield found
        except Exception as error:  # of any kind: a damaged file may fail anywhere, and the damage is the cause
            if damage := checking.exception():
                raise damage from error
            raise
        found.append(checking.result())


def verify_files(folder: Path, names: Iterable[str]) -> None:
    """Compare those of `names` that the SHA256SUMS of a run directory lists. Raises ModelError for the first fault."""
    sums = read_checksums(folder)
    for name in names:
        if name in sums and (fault := _fault(folder / name, sums[name])):
            raise ModelError(f"{folder}: {name} {fault}; {_remedy(folder)}")


def damage_of(folder: Path) -> str | None:
    """Name the first file of a folder that is not as SHA256SUMS lists it; None where all are."""
    if not (folder / SUMS).is_file():
        return f"it has no {SUMS}"
    try:
        sums = read_checksums(folder)
    except ModelError as error:
        return str(error)
    faults = ((name, _fault(folder / name, wanted)) for name, wanted in sums.items())
    return next((f"{name} {fault}" for name, fault in faults if fault), None)


def write_checksums(folder: Path, names: Iterable[str] | None = None) -> None:
    """List the SHA-256 of `names`, by default of every file in the folder itself but README.md and hidden ones."""
    wanted = file_names(folder) if names is None else [name for name in names if (folder / name).is_file()]
    _write(folder, {name: {file_digest(folder / name)} for name in wanted})


def update_checksums(folder: Path, *names: str) -> None:
    """Bring the lines of `names` up to date, and drop those of files that are gone."""
    if not (folder / SUMS).is_file():
        write_checksums(folder)
        return
    sums = read_checksums(folder)
    for name in names:
        sums.pop(name, None)
        if (folder / name).is_file():
            sums[name] = {file_digest(folder / name)}
    _write(folder, sums)


def unlist(folder: Path, *names: str) -> None:
    """Drop the lines of `names`, before the files themselves go."""
    sums = read_checksums(folder)
    if kept := {name: digests for name, digests in sums.items() if name not in names}:
        _write(folder, kept)


def replace_listed(path: Path, content: str) -> None:
    """Replace a file of a folder that has SHA256SUMS; killed anywhere in between, the folder passes its check."""
    sums = read_checksums(path.parent)
    if path.name not in sums:
        write_text(path, content)
        return
    digest = hashlib.sha256(content.encode("utf-8")).hexdigest()
    _write(path.parent, sums | {path.name: sums[path.name] | {digest}})
    write_text(path, content)
    _write(path.parent, sums | {path.name: {digest}})


def read_checksums(folder: Path) -> Sums:
    """The digests that SHA256SUMS lists for each name; none where there is no such file. Raises ModelError."""
    path = folder / SUMS
    try:
        return parse_checksums(path.read_bytes()) if path.is_file() else {}
    except ValueError as error:
        raise ModelError(f"{path} is damaged: {error}; {_remedy(folder)}") from error


def parse_checksums(content: bytes) -> Sums:
    """Raises ValueError for the first line that is not one of `sha256sum`, or names a file outside the folder."""
    sums: Sums = {}
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    for number, line in enumerate(lines, 1):
        found = LINE.fullmatch(line)
        if found is None or PurePosixPath(found[2]).is_absolute() or ".." in PurePosixPath(found[2]).parts:
            raise ValueError(f"line {number} is not '<SHA-256>  <name>'")
        sums.setdefault(found[2], set()).add(found[1])
    if not sums:
        raise ValueError("it is empty")
    return sums


def file_names(folder: Path) -> list[str]:
    """Every regular file in the folder itself, but README.md, SHA256SUMS and hidden ones."""
    files = (path.name for path in folder.iterdir() if path.is_file())
    return sorted(name for name in files if name not in UNLISTED and not name.startswith("."))


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fault(path: Path, wanted: set[str], digest: str | None = None) -> str | None:
    """Name the damage of a listed file, None where it is as listed."""
    if not path.is_file():
        return f"is missing, but {SUMS} lists it"
    got = digest or file_digest(path)
    if got in wanted:
        return None
    if path.stat().st_size == 0:
        return "is damaged: it is empty"
    return f"is damaged: its SHA-256 is {got[:12]}..., {SUMS} has {min(wanted)[:12]}..."


def _remedy(folder: Path) -> str:
    if (folder / "MAR-INF").is_dir():
        return "package the run again"
    run = folder.parent if folder.name == "export" else folder
    return (
        f"restore it, or make it again: python train.py resume={run} (a graph: sentiment export run={run}); "
        f"if the change is meant: sentiment export run={run} accept=true"
    )


def _always_listed(name: str) -> bool:
    return bool(DECIDING.fullmatch(name)) and not name.endswith(".onnx")  # a graph may still be made


def _hash_of(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()


def _write(folder: Path, sums: Sums) -> None:
    lines = [f"{digest}  {name}\n" for name in sorted(sums) for digest in sorted(sums[name])]
    write_text(folder / SUMS, "".join(lines))
