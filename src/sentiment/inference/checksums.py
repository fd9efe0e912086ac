"""SHA256SUMS files in the format of `sha256sum -c`: written with a folder's files, verified when they are read."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from sentiment.errors import ModelError
from sentiment.files import write_text
from sentiment.shell import for_shell

SUMS = "SHA256SUMS"
UNLISTED = (SUMS, "README.md")  # users may edit the model card: no prediction depends on it
DECIDING = re.compile(
    r"(config|tokenizer|tokenizer_config|preprocessing|readability|abstention|exits)\.json|(model|exits)\.safetensors"
    r"|model-onnx(-int8)?(-\d)?\.onnx"
)
LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
Sums = dict[str, set[str]]  # digests by file name; a file that is being replaced has two


def export_hash(export: Path) -> str:
    """Hash the files of an export folder that determine its predictions.

    Returns:
        SHA-256 in hex over the sorted lines "<SHA-256>  <name>", each with a line feed, of config.json, the tokenizer
        files, preprocessing.json, readability.json, abstention.json, the weights, the early exits and the ONNX graphs.
        README.md, vocab.txt and SHA256SUMS itself change no prediction and are not included.
    """
    return _hash_of({name: file_digest(export / name) for name in file_names(export) if DECIDING.fullmatch(name)})


def verify_export(export: Path, *, graphs: bool = True) -> str:
    """Verify an export, its ONNX `graphs` too, against its SHA256SUMS if it has one, and return the export hash.

    Raises:
        ModelError: A file is missing or differs from its listed digest, or SHA256SUMS is damaged or incomplete.
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
    """Verify an export in a background thread while the block loads it.

    If the block raises and the export is damaged, the ModelError of the damage replaces the block's exception.

    Yields:
        A list that contains the export hash once the block has ended.
    """
    found: list[str] = []
    with ThreadPoolExecutor(1) as beside:  # hashlib releases the GIL
        checking = beside.submit(verify_export, export)
        try:
            yield found
        except Exception as error:  # a damaged file can make any loader raise any type; the damage is the cause
            if damage := checking.exception():
                raise damage from error
            raise
        found.append(checking.result())


def verify_files(folder: Path, names: Iterable[str]) -> None:
    """Raise ModelError for one of `names` that is missing or not what the SHA256SUMS of a run directory lists."""
    sums = read_checksums(folder)
    for name in names:
        if name in sums and (fault := _fault(folder / name, sums[name])):
            raise ModelError(f"{folder}: {name} {fault}; {_remedy(folder)}")


def damage_of(folder: Path) -> str | None:
    """Describe the first mismatch between a folder and its SHA256SUMS; None if all files match."""
    if not (folder / SUMS).is_file():
        return f"it has no {SUMS}"
    try:
        sums = read_checksums(folder)
    except ModelError as error:
        return str(error)
    faults = ((name, _fault(folder / name, wanted)) for name, wanted in sums.items())
    return next((f"{name} {fault}" for name, fault in faults if fault), None)


def write_checksums(folder: Path, names: Iterable[str] | None = None) -> None:
    """Write SHA256SUMS for a folder: `names` that exist, or all that `file_names` returns."""
    wanted = file_names(folder) if names is None else [name for name in names if (folder / name).is_file()]
    _write(folder, {name: {file_digest(folder / name)} for name in wanted})


def update_checksums(folder: Path, *names: str) -> None:
    """Update the SHA256SUMS lines of `names` and drop the lines of deleted files.

    Without a SHA256SUMS, one is written for the whole folder.
    """
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
    """Drop the SHA256SUMS lines of `names`, before the files themselves are deleted.

    SHA256SUMS is left unchanged if no line would remain.
    """
    sums = read_checksums(folder)
    if kept := {name: digests for name, digests in sums.items() if name not in names}:
        _write(folder, kept)


def replace_listed(path: Path, content: str) -> None:
    """Replace a file and its SHA256SUMS line so that a kill at any point leaves a folder that passes verification.

    While the file is replaced, SHA256SUMS lists both the old and the new digest.
    """
    sums = read_checksums(path.parent)
    if path.name not in sums:
        write_text(path, content)
        return
    digest = hashlib.sha256(content.encode("utf-8")).hexdigest()
    _write(path.parent, sums | {path.name: sums[path.name] | {digest}})
    write_text(path, content)
    _write(path.parent, sums | {path.name: {digest}})


def read_checksums(folder: Path) -> Sums:
    """Read the SHA256SUMS of a folder; empty if it has none. Raises ModelError for a damaged one."""
    path = folder / SUMS
    try:
        return parse_checksums(path.read_bytes()) if path.is_file() else {}
    except ValueError as error:
        raise ModelError(f"{path} is damaged: {error}; {_remedy(folder)}") from error


def parse_checksums(content: bytes) -> Sums:
    """Parse the content of a SHA256SUMS file.

    Raises:
        ValueError: A line is not in the format of `sha256sum` or names a file outside the folder, or there is no line.
    """
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
    """List the regular files directly in a folder, without README.md, SHA256SUMS and hidden files."""
    files = (path.name for path in folder.iterdir() if path.is_file())
    return sorted(name for name in files if name not in UNLISTED and not name.startswith("."))


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fault(path: Path, wanted: set[str], digest: str | None = None) -> str | None:
    """Describe the damage of a listed file; None if its digest matches."""
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
    resume, export = (for_shell(key, run) for key in ("resume", "run"))
    return (
        f"restore it, or make it again: sentiment train {resume} (a graph: sentiment export {export}); "
        f"if the change is meant: sentiment export {export} accept=true"
    )


def _always_listed(name: str) -> bool:
    return bool(DECIDING.fullmatch(name)) and not name.endswith(".onnx")  # a graph may be exported later


def _hash_of(digests: Mapping[str, str]) -> str:
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()


def _write(folder: Path, sums: Sums) -> None:
    lines = [f"{digest}  {name}\n" for name in sorted(sums) for digest in sorted(sums[name])]
    write_text(folder / SUMS, "".join(lines))
