"""Distributed training with one process per device, launched here or on each machine by torchrun.

Each process is identified by its rank; rank 0 owns the run folder, prints and scores.
"""

import logging
import os
import signal
import sys
import uuid
from collections.abc import Sequence
from typing import Any

from sentiment.errors import ConfigError, SentimentError

PATIENCE = 60  # seconds a batch may take after Ctrl-C


def is_launched() -> bool:
    """Return True if this process was started by torchrun or by `launch`, which is torchrun on one machine."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def rank() -> int:
    return int(os.environ["RANK"]) if is_launched() else 0


def world_size() -> int:
    return int(os.environ["WORLD_SIZE"]) if is_launched() else 1


def check_arguments(overrides: Sequence[str]) -> None:
    """Raise ConfigError where torchrun starts several processes and no run_name= or resume= names a folder."""
    if world_size() > 1 and not names_folder(overrides):
        raise ConfigError("torchrun starts several processes, which need one folder; name it: run_name=NAME")


def names_folder(overrides: Sequence[str]) -> bool:
    """Return True if the overrides name the run folder, by run_name= or resume=."""
    return any(value.startswith(("run_name=", "resume=")) for value in overrides)


def to_launch(devices: Any, nodes: int, accelerator: str) -> int:
    """Return the number of processes to start here, 1 for none.

    Raises:
        ConfigError: torchrun started another number of processes than the config asks for, or the config asks for
            several nodes without torchrun.
    """
    asked = count(devices, accelerator)
    if is_launched():
        if asked * nodes != world_size():
            raise ConfigError(
                f"torchrun started {world_size()} processes, trainer.devices={devices} and trainer.num_nodes={nodes} "
                f"ask for {asked * nodes}; add trainer=ddp, which takes what torchrun started"
            )
        return 1
    if nodes > 1:
        raise ConfigError(f"trainer.num_nodes={nodes}: start the run on each machine, with torchrun --nnodes {nodes}")
    return asked


def count(devices: Any, accelerator: str) -> int:
    """Count the devices that Lightning's `devices` names, such as 2, [0, 1] or "0,1".

    "auto" and -1 count all GPUs, or 1 without any. A string that is no number counts as 1; Lightning reports it.
    """
    if str(devices) in ("auto", "-1"):
        import torch

        return max(1, torch.cuda.device_count()) if accelerator != "cpu" else 1
    if isinstance(devices, str) and "," in devices:
        devices = [device for device in devices.split(",") if device]
    if isinstance(devices, int | str):
        return int(devices) if str(devices).isdigit() else 1  # Lightning reports what is wrong with it
    return len(devices)


def launch(arguments: Sequence[str], *, processes: int) -> None:
    """Run `sentiment train` with `arguments` in each of `processes` processes.

    Raises:
        SystemExit: with the exit code of the first process that failed, or 130 after a signal.
        SentimentError: a process was killed by a signal.
    """
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)  # each process reports its own error
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=0,
        shutdown_timeout=PATIENCE,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "sentiment", "train", *arguments)
    except SignalException:
        sys.exit(130)
    except ChildFailedError as error:
        number, first = error.get_first_failure()
        if first.exitcode > 0:
            sys.exit(first.exitcode)
        name = signal.Signals(-first.exitcode).name
        raise SentimentError(
            f"the process of rank {number} died of {name}; go on from the last epoch with resume=FOLDER"
        ) from error
