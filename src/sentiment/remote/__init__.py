"""Paths on other file systems: s3://, gs://, hf://, memory:// and whatever else fsspec opens.

A remote path has the methods of pathlib.Path, but is no os.PathLike: what needs a file of this machine gets a copy.
Object stores have no rename and no lock; an object becomes visible as a whole when its upload ends.
"""

from sentiment.remote.copies import local_copy
from sentiment.remote.paths import PROTOCOL, as_path, is_remote, refuse, same_file
from sentiment.remote.stores import (
    access,
    check_folder,
    find,
    info,
    is_folder,
    list_files,
    listing,
    make_folder,
    remove_files,
    uploading,
    version,
)

__all__ = [
    "PROTOCOL",
    "access",
    "as_path",
    "check_folder",
    "find",
    "info",
    "is_folder",
    "is_remote",
    "list_files",
    "listing",
    "local_copy",
    "make_folder",
    "refuse",
    "remove_files",
    "same_file",
    "uploading",
    "version",
]
