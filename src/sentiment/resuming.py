"""Whether a checkpoint can be gone on with, told before any data is read."""

import pickle
import zipfile
import zlib
from pathlib import Path

WANTED = ("state_dict", "epoch", "global_step", "optimizer_states", "loops")  # what Lightning writes and needs


def checkpoint_damage(path: Path) -> str | None:
    """Say what is wrong with a checkpoint, None where it is whole: torch.load notices no flipped bytes by itself."""
    import torch

    try:
        with zipfile.ZipFile(path) as zipped:
            if bad := zipped.testzip():
                return f"{bad} in it is not what was written"
        saved = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError:
        return "it holds more than tensors and plain values, which may run code"
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError, KeyError) as error:
        return f"it is cut short or no checkpoint ({next(iter(str(error).splitlines()), type(error).__name__)})"
    missing = [key for key in WANTED if not isinstance(saved, dict) or key not in saved]
    return f"it has no {missing[0]}, as checkpoints of a training run have" if missing else None
