"""Single trial of a sweep in its folder: run, resumed, or found finished."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.errors import InstantiationException
from omegaconf import DictConfig

from sentiment import run_dir as runs
from sentiment.errors import ConfigError, InterruptedRunError, PrunedError, SentimentError, user_error
from sentiment.training.check import check
from sentiment.training.resuming import LAST, starting_point

log = logging.getLogger(__name__)


def run_trial(cfg: DictConfig, hydra: Any, folder: Path, fit: Callable[[Path | None], object]) -> float | None:
    """Run or resume one trial in its folder and return its score.

    User errors mark the trial failed; any other exception propagates and aborts the sweep.

    Returns:
        The score, or None if the trial was pruned or failed, which outcome.json then records.

    Raises:
        ConfigError: the folder holds a run with other settings.
        KeyboardInterrupt: the trial was interrupted.
    """
    former = runs.overrides(folder)
    if former is not None and runs.settings(former) != runs.settings(hydra.overrides.task):
        raise ConfigError(f"{folder} already holds a run of other settings; choose another run_name")
    state = runs.outcome(folder).state
    if state == "finished":
        log.info("%s is finished", folder)
        return runs.score(folder, cfg.optimized_metric)
    if state == "pruned":
        return None
    checkpoint = starting_point(folder, resume=(folder / LAST).is_file())
    if checkpoint is None:
        runs.clear(folder)
    runs.start(folder, cfg, hydra)
    try:
        check(cfg)
        fit(checkpoint)
        return runs.score(folder, cfg.optimized_metric)
    except InterruptedRunError as error:
        raise KeyboardInterrupt(str(error)) from error  # on InterruptedRunError the launcher would start the next trial
    except PrunedError as error:
        log.info("%s: %s", folder, error)
        runs.end(folder, "pruned", str(error))
    except (SentimentError, OSError, InstantiationException) as error:
        if (known := user_error(error)) is None:
            raise
        log.error("%s failed: %s", folder, known)
        runs.end(folder, "failed", str(known))
    return None
