"""Start one training run from its overrides, for `sentiment train` and `sentiment.train` alike."""

import logging
import shlex
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.errors import ConfigError, InterruptedRunError, SentimentError, user_error
from sentiment.shell import as_typed
from sentiment.training import distributed

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from sentiment.evaluation.results import Results


def arguments_of(given: Sequence[str]) -> list[str]:
    """Return the overrides that a run is composed with: those given, and those of the run that `resume=` names.

    Args:
        given: The overrides of this launch, as `sentiment.config.compose.prepare` returns them.

    Raises:
        ConfigError: The run's name is none, its folder is unknown, or there is nothing to resume.
    """
    from sentiment.config.overrides import check_name, sweeps, text

    for key in ("run_name", "paths.output_dir", "resume"):
        if value := sweeps(given, key):
            raise ConfigError(
                f"{key}={value}: a sweep has one folder, in which its trials are numbered; give one value, and several "
                "of another key, such as seed=1,2"
            )
    if any(word.startswith("run_name=") for word in given):
        check_name(text(given, "run_name"))
    distributed.check_arguments(given)
    return _add_resumed(given)


def launch_run(
    cfg: "DictConfig", hydra: Any, folder: Path, *, arguments: Sequence[str], started: Callable[["DictConfig"], None]
) -> "Results | None":
    """Train one run in `folder`, in as many processes as its trainer asks for.

    Returns:
        The results; None on ranks other than 0, and where other processes trained.

    Raises:
        SentimentError: The config is wrong, or the run failed.
    """
    from sentiment import run_dir as runs
    from sentiment.training.resuming import starting_point

    processes = _check(cfg, folder)
    if distributed.rank():
        logging.disable(logging.INFO)  # rank 0 logs
        return fit_run(
            cfg, folder, starting_point(folder, resume=cfg.resume is not None), cfg.after_training.test is not False
        )
    if processes > 1:
        name = [] if distributed.names_folder(arguments) else [f"run_name={cfg.run_name}"]
        distributed.launch([*arguments, *name], processes=processes)
        return None
    with runs.claimed(folder), runs.put_back_if_refused(folder):
        return _run(cfg, hydra, folder, started)


def fit_run(cfg: "DictConfig", folder: Path, checkpoint: Path | None, score_test: bool) -> "Results | None":
    """Fit, export and score in this process."""
    from sentiment import console
    from sentiment.training import fit

    with console.quiet_libraries():
        return fit.train(cfg, folder, checkpoint=checkpoint, score_test=score_test)


def check_saved(cfg: "DictConfig", given: Sequence[str]) -> None:
    """Raise ConfigError where the config of the run that is resumed names code that is not this project's."""
    from omegaconf import OmegaConf

    from sentiment.config.check import check_extras
    from sentiment.config.targets import check_targets

    check_extras(cfg)
    source = "the sweep of resume=" if cfg.resume is None else f"resume={cfg.resume}"
    check_targets(OmegaConf.to_container(cfg, resolve=True), source=source, given=given)


def _check(cfg: "DictConfig", folder: Path) -> int:
    """Return how many processes are to be started here. Raises ConfigError where the config is wrong."""
    from sentiment.config.check import check_extras
    from sentiment.training.check import check

    try:
        check_extras(cfg)
        check(cfg)
        return distributed.to_launch(cfg.trainer.devices, cfg.trainer.get("num_nodes", 1), cfg.trainer.accelerator)
    except ConfigError:
        with suppress(OSError):  # it is full where it is a former run's
            folder.rmdir()  # Hydra has made it
        raise


def _run(cfg: "DictConfig", hydra: Any, folder: Path, started: Callable[["DictConfig"], None]) -> "Results | None":
    from hydra.errors import InstantiationException

    from sentiment import run_dir as runs
    from sentiment.training.resuming import check_settings, how_to_go_on, starting_point

    try:
        checkpoint = starting_point(folder, resume=cfg.resume is not None)
        if checkpoint is not None:
            check_settings(folder, cfg)
        runs.start(folder, cfg, hydra)
        started(cfg)
        return fit_run(cfg, folder, checkpoint, cfg.after_training.test is not False)
    except (SentimentError, OSError, InstantiationException) as error:
        if [path.name for path in folder.iterdir()] == [runs.RECORD]:
            shutil.rmtree(folder)  # the run never began
        elif not isinstance(error, (ConfigError, InterruptedRunError)):
            with suppress(OSError):  # the disk may be full
                runs.end(folder, "failed", str(user_error(error) or error))
        if isinstance(error, OSError):
            raise SentimentError(f"{user_error(error)}; then {how_to_go_on(folder)}") from error
        raise


def _add_resumed(overrides: Sequence[str]) -> list[str]:
    """Add the overrides of the run or sweep that `resume=FOLDER` names; those given now win."""
    from sentiment import run_dir as runs
    from sentiment.config.overrides import text
    from sentiment.config.targets import check_saved_overrides
    from sentiment.shell import quote
    from sentiment.training.check import root_keys

    folder = text(overrides, "resume")
    if folder is None:
        return list(overrides)
    if not folder.strip():
        raise ConfigError("resume=: expected the folder of a run or sweep, got nothing; leave it out to start a run")
    if (sweep := runs.sweep_overrides(Path(folder))) is not None:
        overrides = [
            f"hydra.sweep.dir={quote(folder)}",
            *(value for value in overrides if not value.startswith("resume=")),
        ]
        former, flags = sweep, ["-m"]
    else:
        former, flags = runs.overrides(Path(folder)) or [], []
    check_saved_overrides(former, source=folder, groups=root_keys()[1])
    flags += [word for word in overrides if word.startswith("-") and word not in flags]
    if (own := _config_dir(Path(folder))) and not any(word.startswith(("--config-dir=", "-cd=")) for word in flags):
        raise ConfigError(f"resume={folder}: the run was started with --config-dir {shlex.quote(own)}; give it again")
    for key in ("run_name", "paths.output_dir"):
        if text(overrides, key) not in (None, text(former, key)):
            raise ConfigError(f"{key} does nothing beside resume={folder}, whose folder is kept; leave it out")
    settings = [word for word in overrides if word not in flags]
    given = {_key(override) for override in settings} | {"resume"}
    return [*flags, *(override for override in former if _key(override) not in given), *settings]


def _config_dir(folder: Path) -> str | None:
    """Return the folder of --config-dir that a run or sweep was started with; None for none."""
    from omegaconf import OmegaConf

    from sentiment import run_dir as runs

    record = next(
        (file for file in (folder / "multirun.yaml", folder / runs.RECORD / "hydra.yaml") if file.is_file()), None
    )
    sources = OmegaConf.select(runs.read_config(record), "hydra.runtime.config_sources") if record else None
    return next((str(one.path) for one in sources or () if one.get("provider") == "command-line"), None)


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def run_folder(hydra: Any) -> Path:
    """Return the run directory, relative if it lies below the folder that the command was started in."""
    return as_typed(Path(hydra.runtime.output_dir))
