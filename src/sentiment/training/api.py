"""`sentiment.train`: one training run from Python."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.errors import ConfigError, SentimentError
from sentiment.run_dir import Run
from sentiment.training import distributed
from sentiment.training.launch import arguments_of, check_saved, launch_run, run_folder

if TYPE_CHECKING:
    from omegaconf import DictConfig

log = logging.getLogger(__name__)


def train(
    *, data: str | None = None, model: str | None = None, run_name: str | None = None, overrides: Sequence[str] = ()
) -> Run:
    """Fine-tune a model, as `sentiment train` does with the same overrides, and leave a complete run directory.

    The config is composed from `conf/train.yaml` and checked before any data is read. It prints the progress
    bar alone; what else there is to say goes to the loggers below "sentiment". With several devices, the run starts
    `sentiment train` in a process for each.

    Args:
        data: An option of the group `data`: "demo", "files", "tweets", "sst2", "imdb"; by default "demo", or the
            experiment's.
        model: An option of the group `model`: "minilm", "minilm_lora", "bert_base"; by default "minilm", or the
            experiment's.
        run_name: The name of the run's folder in `paths.output_dir`; by default made of date and time.
        overrides: More settings, each "key=value" as on the command line.

    Returns:
        The run's folder, and its scores on each split. Under torchrun, ranks other than 0 have no scores.

    Raises:
        ConfigError: A key or value is wrong, or names a sweep, which the command runs.
        DataError: A file, column or label is wrong.
        ModelError: The backbone cannot be loaded, or the training diverged.
        InterruptedRunError: Ctrl-C or SIGTERM came; `overrides=["resume=FOLDER"]` goes on.

    Example:
        ```python
        run = train(data="files", overrides=["data.train=mine.csv", "trainer.max_epochs=3"])
        run.scores["validation"]["accuracy"]
        ```
    """
    from sentiment.config import compose
    from sentiment.config.overrides import twice
    from sentiment.training.check import complete

    words = compose.as_overrides(data=data, model=model, run_name=run_name) + compose.check_overrides(overrides)
    with compose.user_errors("train"):
        given = compose.prepare("train", words)
        for key, value in twice(given):
            log.warning("%s is given more than once; %s counts, the last one", key, value)
        arguments = arguments_of(given)
        if "-m" in arguments:
            raise ConfigError(
                "resume names a sweep, and train makes one run; go on with it by: sentiment train resume=FOLDER"
            )
        with composed(arguments) as (cfg, hydra):
            if arguments != given:
                check_saved(cfg, given)
            folder = run_folder(hydra)
            try:
                results = launch_run(complete(cfg), hydra, folder, arguments=arguments, started=_log_start)
            except SystemExit as stop:  # of processes that were started, which have said why
                raise SentimentError(f"a process of the run in {folder} ended with exit status {stop.code}") from stop
    if distributed.rank():
        return Run(folder, {})
    return Run(folder, results.scores) if results else Run.open(folder)


@contextmanager
def composed(arguments: Sequence[str]) -> "Iterator[tuple[DictConfig, Any]]":
    """Compose conf/train.yaml as hydra.main does, without its logging.

    Yields:
        The config of the run, and Hydra's own part. `${hydra:...}` resolves to that one inside the block.
    """
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode
    from omegaconf import OmegaConf, open_dict, read_write

    from sentiment.config import compose

    whole = compose.compose("train", arguments)
    if whole.hydra.mode == RunMode.MULTIRUN:
        raise ConfigError("these overrides ask for a sweep, and train makes one run; sweep with sentiment train -m")
    with read_write(whole.hydra), open_dict(whole.hydra):
        whole.hydra.mode = RunMode.RUN
        whole.hydra.runtime.output_dir = str(Path(whole.hydra.run.dir).absolute())
    current = HydraConfig.instance()
    before = current.cfg
    current.set_config(whole)
    try:
        yield OmegaConf.masked_copy(whole, [str(key) for key in whole if key != "hydra"]), HydraConfig.get()
    finally:
        current.cfg = before


def _log_start(cfg: "DictConfig") -> None:
    log.info("run %s: training %s", cfg.run_name, cfg.model.backbone)
