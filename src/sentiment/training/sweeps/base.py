"""Base class of the sweepers: sweep folder, trials, launcher, and the best trial's test score."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from sentiment import run_dir as runs
from sentiment.config.check import check_extras, require_folder
from sentiment.config.signatures import check_node
from sentiment.errors import ClusterError, ConfigError, InterruptedRunError
from sentiment.shell import for_shell
from sentiment.training import distributed
from sentiment.training.check import check, complete

log = logging.getLogger(__name__)

Direction = Literal["maximize", "minimize"]


class FolderSweeper(Sweeper):
    """Sweeper that runs trials in numbered folders of one sweep folder, from which alone a later launch resumes."""

    def __init__(self, *, direction: Direction, score_best: bool, params: Mapping[str, Any] | None) -> None:
        self.direction, self.score_best = direction, score_best
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config: DictConfig = config
        self.context = hydra_context
        check_node("hydra.sweeper", config.hydra.sweeper)
        check_node("hydra.launcher", config.hydra.launcher)
        if config.hydra.launcher.get("n_jobs") == 0:
            raise ConfigError("hydra.launcher.n_jobs=0: expected the trials at a time, or -1 for one on each core")
        require_folder("paths.output_dir", config.paths.output_dir)
        self.folder = Path(config.hydra.sweep.dir)
        self.metric: str = config.optimized_metric
        check_extras(config)
        self.check_direction()
        self.launcher: Launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        given = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        overrides = OverridesParser.create(config_loader=self.context.config_loader).parse_overrides(given)
        one_device(self.config)
        with runs.claimed(self.folder):
            OmegaConf.save(self.config, self.folder / "multirun.yaml")
            try:
                self.run({override.get_key_element(): override for override in overrides})  # the last value wins
            except KeyboardInterrupt as error:
                raise InterruptedRunError(
                    f"stopped; go on with: sentiment train {for_shell('resume', self.folder)}"
                ) from error
            self.finish()

    def run(self, overrides: Mapping[str, Override]) -> None:
        """Run all trials that `overrides` define."""
        raise NotImplementedError

    def launch(self, trials: Mapping[str, Sequence[str]]) -> dict[str, runs.Outcome]:
        """Run each trial in the subfolder of its name, through the launcher, and return how each ended."""
        jobs = [[*overrides, f"hydra.sweep.subdir={name}"] for name, overrides in trials.items()]
        try:
            done = self.launcher.launch(jobs, initial_job_idx=int(next(iter(trials))))
        except Exception as error:
            if not type(error).__module__.startswith("submitit."):
                raise
            last = str(error).strip().rpartition("\n")[2]  # Slurm says the reason at the end
            raise ClusterError(f"Slurm took no jobs of this sweep: {last}") from error
        for job in done:
            _ = job.return_value  # re-raises the exception of a failed trial
        return {name: runs.outcome(self.folder / name) for name in trials}

    def check_direction(self) -> None:
        """Raise ConfigError where the sweep would look for the worst score."""
        from sentiment.training.monitors import check_score

        higher = check_score("optimized_metric", self.metric).higher_is_better
        wanted = "maximize" if higher else "minimize"
        if self.direction != wanted:
            raise ConfigError(
                f"hydra.sweeper.direction={self.direction}: {self.metric} is better where it is "
                f"{'higher' if higher else 'lower'}; set hydra.sweeper.direction={wanted}"
            )

    def check(self, name: str, overrides: Sequence[str]) -> None:
        """Validate a trial's config before the sweep begins."""
        cfg = self.context.config_loader.load_sweep_config(self.config, list(overrides))
        with read_write(cfg.hydra), open_dict(cfg):
            cfg.hydra.runtime.output_dir = str(self.folder / name)
        HydraConfig.instance().set_config(cfg)  # ${hydra:...} reads it; Hydra sets it likewise for the trial
        one_device(cfg)
        check(complete(OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])))

    def finish(self) -> None:
        """Log the best trial and, if `score_best` is set, score it on the test split, once."""
        scores = {name: runs.score(self.folder / name, self.metric) for name in self.finished()}
        if not scores:
            return
        best = (max if self.direction == "maximize" else min)(scores, key=lambda name: scores[name])
        log.info(
            "%d trials are finished; validation %s %.4f in %s",
            len(scores),
            self.metric,
            scores[best],
            self.folder / best,
        )
        log.info("next: sentiment sweep-report %s", self.folder)
        if self.score_best and not (self.folder / best / "evaluation" / "test" / "metrics.json").is_file():
            from sentiment.evaluation.evaluate import evaluate_run

            evaluate_run(run=self.folder / best, split="test")

    def finished(self) -> list[str]:
        names = sorted((path.name for path in self.folder.iterdir() if path.name.isdigit()), key=int)
        return [name for name in names if runs.outcome(self.folder / name).state == "finished"]


def one_device(cfg: DictConfig) -> None:
    """Raise ConfigError for trials in several processes, each of which would start the whole sweep again."""
    if distributed.world_size() > 1:
        raise ConfigError(
            f"torchrun started {distributed.world_size()} processes, and each would run the whole sweep; start it "
            "without torchrun, and add hydra/launcher=local, slurm or ray for trials side by side"
        )
    devices, strategy = cfg.trainer.get("devices", "auto"), cfg.trainer.get("strategy", "auto")
    if str(devices) not in ("1", "[0]") or strategy not in ("auto", "single_device"):
        raise ConfigError(
            f"trainer.devices={devices}, trainer.strategy={strategy}: a trial of a sweep runs on one device; "
            "set trainer=default, and hydra/launcher=local, slurm or ray for trials side by side"
        )
