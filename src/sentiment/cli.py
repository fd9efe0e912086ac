"""Console command `sentiment COMMAND [key=value ...]`; each command has one conf/<command>.yaml."""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sentiment.errors import ConfigError, InterruptedRunError, SentimentError, user_error
from sentiment.inference import privacy
from sentiment.training import distributed as ranks

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from sentiment.training.fit import Run

USAGE = """\
Fine-tune BERT for text sentiment, and take it to users.

usage: sentiment COMMAND [key=value ...]     sentiment COMMAND --help shows its keys

  demo         the whole way once, on the embedded texts: train, package, serve, predict
  preprocess   clean and split texts into data/processed, with a report
  train        fine-tune a model into outputs/<run>    (the same as python train.py)
  evaluate     score a run on its own or other labelled texts
  sweep-report compare the runs of a sweep, or of any folder
  export       choose what computes the answers of a run: ONNX Runtime in int8, in fp32, or PyTorch
  package      make model_store/<name>.mar of a run
  serve        serve the archives of model_store with TorchServe
  ready        ask a server whether it answers, for health checks
  models       list a server's models; register, scale, choose the default
  deploy       put a run in place of what is served, if it passes its checks
  rollback     put the version before back in place
  predict      add predictions to a file, locally or through the server
  verify       compare an output of predict with its summary, and score a sample again
  ui           a page to try a model on

Any command takes Hydra's flags: --cfg job prints its config, -m sweeps (train).
Exit status: 0 done, 1 failed, 2 wrong input, 3 some rows rejected, 130 stopped by Ctrl-C.
"""
COMMANDS = (
    "demo",
    "preprocess",
    "train",
    "evaluate",
    "sweep-report",
    "export",
    "package",
    "serve",
    "ready",
    "models",
    "deploy",
    "rollback",
    "predict",
    "verify",
    "ui",
)
FIRST = {"sweep-report": "folder", "verify": "output"}  # config key of a positional first argument, by command

ENVIRONMENT = {  # libraries read these at import, so they are set here without importing any
    "TOKENIZERS_PARALLELISM": "true",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # the bars would last about a second
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
}


def main(arguments: Sequence[str] | None = None) -> None:
    command, *overrides = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if command in ("-h", "--help", "help"):
        print(USAGE, end="")
    elif command == "--version":
        print(f"bert-sentiment {_version()}")
    elif command not in COMMANDS:
        from sentiment.config.signatures import nearest

        _fail(
            SentimentError(f"unknown command {command!r}{nearest(command, COMMANDS)}; see sentiment --help"),
            2,
        )
    else:
        run(command, named(command, overrides))


def named(command: str, overrides: Sequence[str]) -> list[str]:
    """Convert a positional first argument to an override: `sweep-report FOLDER` to `sweep-report folder=FOLDER`."""
    first, *others = [*overrides, ""]
    if command not in FIRST or not first or first.startswith("-") or "=" in first:
        return list(overrides)
    quoted = first.replace("'", r"\'")
    return [f"{FIRST[command]}='{quoted}'", *others[:-1]]


def run(command: str, overrides: Sequence[str]) -> None:
    """Compose conf/<command>.yaml with the overrides and run it; user errors exit non-zero with a one-line message."""
    from omegaconf.errors import OmegaConfBaseException

    from sentiment.config import compose

    for name, value in {**ENVIRONMENT, **privacy.ENVIRONMENT}.items():
        os.environ.setdefault(name, value)
    try:
        overrides = _prepared(command, overrides)
        given = list(overrides)
        if command == "train":
            ranks.check_arguments(overrides)
            overrides = _resumed(overrides)
        compose.launch(command, overrides, task(command, given=given if list(overrides) != given else None))
    except (SentimentError, compose.InstantiationException) as error:
        _stop(error)
    except (compose.HydraException, OmegaConfBaseException) as error:  # some Hydra errors are also OSErrors
        _fail(compose.explain(command, error), 2)
    except OSError as error:
        _stop(error)
    except KeyboardInterrupt:
        _fail(SentimentError("stopped"), 130)


def _prepared(command: str, given: Sequence[str]) -> list[str]:
    """Convert the command-line arguments to Hydra overrides.

    Raises:
        ConfigError: hydra.job.chdir is true or run_name is invalid.
    """
    from sentiment import run_dir as runs
    from sentiment.config import compose, overrides

    words = overrides.read(given, compose.groups(command))
    for key, value in overrides.twice(words):
        print(f"{key} is given more than once; {value} counts, the last one", file=sys.stderr)
    if (overrides.text(words, "hydra.job.chdir") or "").lower() == "true":
        raise ConfigError(
            "hydra.job.chdir=true: relative paths are those of the folder that the command is started in; leave it out"
        )
    if command == "train" and any(word.startswith("run_name=") for word in words):
        runs.check_name(overrides.text(words, "run_name"))
    return words


def task(command: str, *, given: Sequence[str] | None = None) -> Callable[["DictConfig"], Any]:
    """Return the function of a command; `given` are this launch's own overrides when it resumes a saved run."""
    return partial(_train, given=given) if command == "train" else _call


def _train(cfg: "DictConfig", *, given: Sequence[str] | None) -> float | None:
    """Run one training or one trial of a sweep; returns the score that the sweep maximizes, None outside sweeps."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from sentiment import run_dir as runs
    from sentiment.training.check import complete

    if given is not None:
        _check_saved(cfg, given)
    hydra, cfg = HydraConfig.get(), complete(cfg)
    folder, sweeping = Path(os.path.relpath(hydra.runtime.output_dir)), hydra.mode == RunMode.MULTIRUN
    if sweeping:
        from sentiment.training.sweeps.trial import run_trial

        with runs.claimed(folder, wait=True):
            return run_trial(cfg, hydra, folder, lambda checkpoint: _fit(cfg, folder, checkpoint, bool(cfg.test)))
    try:
        processes = _checked(cfg, folder)
        if ranks.rank():
            logging.disable(logging.INFO)  # rank 0 reports it
            _fit(cfg, folder, runs.starting_point(folder, resume=cfg.resume is not None), cfg.test is not False)
        elif processes > 1:
            named = ranks.named(sys.argv[1:])
            ranks.launch([*sys.argv[1:], *([] if named else [f"run_name={cfg.run_name}"])], processes=processes)
        else:
            with runs.claimed(folder):
                _run(cfg, hydra, folder)
    except (SentimentError, OSError) as error:
        _stop(error)
    return None


def _checked(cfg: "DictConfig", folder: Path) -> int:
    """Validate the config and return the number of processes to launch.

    Raises:
        ConfigError: The config is invalid; a new run folder is removed again.
    """
    from sentiment.training.check import check

    try:
        check(cfg)
        return ranks.to_launch(cfg.trainer.devices, cfg.trainer.get("num_nodes", 1), cfg.trainer.accelerator)
    except ConfigError:
        with suppress(OSError):  # not empty if it belongs to an earlier run
            folder.rmdir()  # created by Hydra
        raise


def _run(cfg: "DictConfig", hydra: Any, folder: Path) -> None:
    from hydra.errors import InstantiationException

    from sentiment import run_dir as runs

    try:
        checkpoint = runs.starting_point(folder, resume=cfg.resume is not None)
        runs.start(folder, cfg, hydra)
        from sentiment import console

        console.print_config(cfg)
        if run := _fit(cfg, folder, checkpoint, cfg.test is not False):
            print_run(run)
    except (SentimentError, OSError, InstantiationException) as error:
        if [path.name for path in folder.iterdir()] == [runs.RECORD]:
            shutil.rmtree(folder)  # the run never started
        elif not isinstance(error, (ConfigError, InterruptedRunError)):
            with suppress(OSError):  # the disk may be full
                runs.end(folder, "failed", str(user_error(error) or error))
        if isinstance(error, OSError):
            raise SentimentError(f"{user_error(error)}; then {runs.how_to_go_on(folder)}") from error
        raise


def _fit(cfg: "DictConfig", folder: Path, checkpoint: Path | None, score_test: bool) -> "Run | None":
    from sentiment import console
    from sentiment.training import fit as training

    with console.quiet_libraries():
        return training.train(cfg, folder, checkpoint=checkpoint, score_test=score_test)


def _call(cfg: "DictConfig") -> Any:
    """Run a command whose config is a single call: `_target_` with its arguments."""
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    from sentiment.config import check as config

    try:
        wanted = config.call(cfg)
        from sentiment import console

        with console.quiet_libraries():
            return instantiate(wanted)
    except (SentimentError, OSError, InstantiationException) as error:
        _stop(error)


def _resumed(overrides: Sequence[str]) -> list[str]:
    """Add the saved overrides of the run or sweep in `resume=FOLDER`; overrides given now take precedence."""
    from sentiment import run_dir as runs
    from sentiment.config.overrides import quoted, text
    from sentiment.config.targets import check_saved_overrides
    from sentiment.training.check import root_keys

    folder = text(overrides, "resume")
    if folder is None:
        return list(overrides)

    if (sweep := runs.sweep_overrides(Path(folder))) is not None:
        overrides = [
            f"hydra.sweep.dir={quoted(folder)}",
            *(value for value in overrides if not value.startswith("resume=")),
        ]
        former, flags = sweep, ["-m"]
    else:
        former, flags = runs.overrides(Path(folder)) or [], []
    check_saved_overrides(former, source=folder, groups=root_keys()[1])
    given = {_key(override) for override in overrides} | {"resume"}
    return [*flags, *(override for override in former if _key(override) not in given), *overrides]


def _check_saved(cfg: "DictConfig", given: Sequence[str]) -> None:
    """Exit if the saved config of a resumed run has a `_target_` outside this project."""
    from omegaconf import OmegaConf

    from sentiment.config.targets import check_targets

    try:
        check_targets(OmegaConf.to_container(cfg, resolve=True), source=f"resume={cfg.resume}", given=given)
    except ConfigError as error:
        _stop(error)


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def _stop(error: BaseException) -> NoReturn:
    """Exit with a one-line message for a user error; re-raise any other exception, to keep its traceback."""
    if (known := user_error(error)) is None:
        raise error
    _fail(known, known.exit_code)


def _fail(error: SentimentError, status: int) -> NoReturn:
    who = f" of rank {ranks.rank()}" if ranks.rank() else ""
    if not (who and isinstance(error, InterruptedRunError)):  # rank 0 reports it
        print(f"error{who}: {error}", file=sys.stderr)
    sys.exit(status)


def _version() -> str:
    from importlib.metadata import version

    return version("bert-sentiment")


def print_run(run: "Run") -> None:
    from sentiment.console import console
    from sentiment.evaluation.terminal import scores_table

    console.print(scores_table(run.results))
    folder = run.folder
    console.print(f"run folder   {folder}   (report/report.html, metrics.json, export/)", highlight=False)
    console.print("next", highlight=False)
    for command in (f"package run={folder}", "serve", f"predict run={folder} input=FILE.csv output=OUT.csv"):
        console.print(f"  sentiment {command}", highlight=False, markup=False)
