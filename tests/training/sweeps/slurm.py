"""A whole Slurm of one node on the loopback, from Debian's packages slurmctld, slurmd, slurm-client and munge."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.ports import free_ports

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "sinfo")
CONFIG = """\
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmUser=root
SlurmctldPort={controller}
SlurmdPort={node}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
NodeName=localhost NodeAddr=127.0.0.1 CPUs={cores} State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which sbatch finds a running Slurm; its three daemons end with the block."""
    controller, node = free_ports(2)
    for name in ("state", "spool", "munge"):
        (folder / name).mkdir(mode=0o700)
    (folder / "munge" / "key").write_bytes(os.urandom(1024))
    (folder / "munge" / "key").chmod(0o400)
    config = folder / "slurm.conf"
    config.write_text(CONFIG.format(folder=folder, controller=controller, node=node, cores=os.cpu_count()))
    environment = os.environ | {"SLURM_CONF": str(config), "PATH": f"{os.environ['PATH']}:/usr/sbin"}
    munge = [f"--{name}-file={folder}/munge/{name}" for name in ("key", "pid", "log", "seed")]
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("wb"))
        for words in (
            ["munged", "--foreground", "--force", f"--socket={folder}/munge/socket", *munge],
            ["slurmctld", "-D"],
            ["slurmd", "-D", "-N", "localhost"],
        ):
            daemon = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
            stack.callback(ended, daemon)
            time.sleep(1)
        wait_for_idle(environment)
        try:
            yield environment
        finally:  # a job's step outlives a slurmd that ends before it
            subprocess.run(["scancel", "--partition=main"], env=environment, check=False)
            wait_for_idle(environment)


def wait_for_idle(environment: dict[str, str]) -> None:
    """Until the node is up and has no job, nor what is left of one."""
    deadline, nodes = time.monotonic() + 90, ""
    while "idle" not in nodes:
        assert time.monotonic() < deadline, nodes
        time.sleep(0.5)
        nodes = subprocess.run(["sinfo"], env=environment, capture_output=True, text=True, check=False).stdout


def ended(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    daemon.wait(30)
