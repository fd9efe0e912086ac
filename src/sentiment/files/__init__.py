"""Atomic writes by temporary file and rename, locks, and JSON input and output."""

from sentiment.files.json_files import (
    SURROGATE,
    damaged,
    json_text,
    read_json,
    read_json_if_any,
    read_object,
    read_utf8,
    write_json,
)
from sentiment.files.locks import lock_file, locked
from sentiment.files.replacing import (
    check_target,
    put_in_place,
    rename,
    replacing,
    scratch_folder,
    write_bytes,
    write_text,
)
from sentiment.files.temporary import discard, is_alive, sweep, sweep_once, temporary_path

__all__ = [
    "SURROGATE",
    "check_target",
    "damaged",
    "discard",
    "is_alive",
    "json_text",
    "lock_file",
    "locked",
    "put_in_place",
    "read_json",
    "read_json_if_any",
    "read_object",
    "read_utf8",
    "rename",
    "replacing",
    "scratch_folder",
    "sweep",
    "sweep_once",
    "temporary_path",
    "write_bytes",
    "write_json",
    "write_text",
]
