"""Hydra launcher that runs trials as Ray tasks.

hydra-ray-launcher 1.2 does the same, but requires cloudpickle below 3 and brings boto3.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, configure_log, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from sentiment.config.signatures import check_node
from sentiment.training.sweeps.ray_cluster import ray_cluster


class RayLauncher(Launcher):
    """Launcher that runs each trial as a Ray task; a trial whose worker died is started again and resumes.

    Args:
        address: the Ray cluster; None starts a local one for the sweep.
        num_cpus: CPUs reserved for each trial.
        num_gpus: GPUs reserved for each trial.
        max_retries: restarts of a trial whose worker died.
    """

    def __init__(
        self,
        *,
        address: str | None = None,
        num_cpus: Annotated[float, Ge(0)] = 1,
        num_gpus: Annotated[float, Ge(0)] = 0,
        max_retries: Annotated[int, Ge(0)] = 3,
    ) -> None:
        self.address = address
        self.options = {"num_cpus": num_cpus, "num_gpus": num_gpus, "max_retries": max_retries}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        check_node("hydra.launcher", config.hydra.launcher)
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        setup_globals()
        configure_log(self.config.hydra.hydra_logging, self.config.hydra.verbose)
        shared = (self.context, self.config, self.task, Singleton.get_state(), Path.cwd())
        with ray_cluster(self.address) as ray:
            trial = ray.remote(**self.options)(run_trial)
            done: list[JobReturn] = ray.get(
                [trial.remote(number, list(job), *shared) for number, job in enumerate(job_overrides, initial_job_idx)]
            )
        return done


def run_trial(
    number: int,
    overrides: list[str],
    context: HydraContext,
    config: DictConfig,
    task: TaskFunction,
    singletons: Any,
    folder: Path,
) -> JobReturn:
    """Run one trial in a Ray worker, with the working directory and Hydra state of the sweep."""
    os.chdir(folder)
    setup_globals()
    Singleton.set_state(singletons)
    cfg = context.config_loader.load_sweep_config(config, overrides)
    with open_dict(cfg):
        cfg.hydra.job.id = f"{cfg.hydra.job.name}_{number}"
        cfg.hydra.job.num = number
    HydraConfig.instance().set_config(cfg)
    return run_job(
        hydra_context=context,
        config=cfg,
        task_function=task,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
