"""Reader for one text per file, <split>/<label>/<name>.txt, in a folder or a tar archive (the layout of aclImdb)."""

import lzma
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

from sentiment.data.labelled import Labelled
from sentiment.errors import DataError

UNLABELLED = ("unsup",)  # aclImdb's folder of unlabelled texts
TAR = (".tar", ".tar.gz", ".tgz")
LARGEST = 16 << 20  # bytes, per text

File = tuple[str, str, bytes]  # label, name, content


def is_tree(folder: Path) -> bool:
    """Return True if the folder of a split has subfolders."""
    return folder.is_dir() and any(label.is_dir() for label in folder.iterdir())


def is_archive(path: Path) -> bool:
    return path.is_file() and path.name.endswith(TAR)


def read_tree(folder: Path) -> Labelled:
    """Read the texts of one split's folder; the names of its subfolders are the labels."""
    labels = sorted(path for path in folder.iterdir() if path.is_dir() and path.name not in UNLABELLED)
    files = ((label.name, path.name, path.read_bytes()) for label in labels for path in label.glob("*.txt"))
    return _rows(files, folder)


def read_archive(path: Path, names: Mapping[str, Iterable[str]]) -> dict[str, Labelled]:
    """Read all splits of a tar archive, compressed or not, by the folder names that each may have.

    Raises:
        DataError: The archive is unreadable, holds no texts in this layout, or one larger than `LARGEST`.
    """
    found: dict[str, list[File]] = {}
    split_of = {name: split for split, usual in names.items() for name in usual}
    try:
        with tarfile.open(path, "r:*") as archive:
            for member in archive:
                *_, folder, label, name = ("", "", *PurePosixPath(member.name).parts)
                if member.isfile() and name.endswith(".txt") and folder in split_of and label not in UNLABELLED:
                    if member.size > LARGEST:  # a small archive may unpack to any size
                        raise DataError(
                            f"{path}: {member.name} has {member.size:,} bytes; a text has {LARGEST:,} at most"
                        )
                    content = archive.extractfile(member)
                    assert content is not None  # never None for a regular file
                    found.setdefault(split_of[folder], []).append((label, name, content.read()))
            while archive.fileobj is not None and archive.fileobj.read(1 << 20):
                pass  # gzip verifies its checksum only at the end of the file
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
        raise DataError(f"{path}: not readable as a tar archive: {error}") from error
    if not found:
        raise DataError(f"{path} has no texts at <split>/<label>/<name>.txt")
    return {split: _rows(found[split], path) for split in names if split in found}


def _rows(files: Iterable[File], source: Path) -> Labelled:
    """Decode the files in order of label and name, so that a folder and its archive give the same rows."""
    texts, labels = [], []
    for label, name, content in sorted(files):
        try:
            texts.append(content.decode("utf-8"))
        except UnicodeDecodeError as error:
            at = f"byte 0x{content[error.start]:02x} at {error.start}"
            raise DataError(f"{source}: {label}/{name} is not UTF-8 ({at}); save it as UTF-8") from error
        labels.append(label)
    if not texts:
        raise DataError(f"{source} has no texts at <label>/<name>.txt")
    return Labelled([*texts], [*labels])
