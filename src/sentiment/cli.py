"""The console command: `sentiment COMMAND [key=value ...]`, each command one conf/<command>.yaml."""

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sentiment.errors import SentimentError

if TYPE_CHECKING:
    from omegaconf import DictConfig

USAGE = """\
Fine-tune BERT for text sentiment, and take it to users.

usage: sentiment COMMAND [key=value ...]     sentiment COMMAND --help shows its keys

  demo         the whole way once, on the embedded texts: train, package, serve, predict
  preprocess   clean and split texts into data/processed, with a report
  train        fine-tune a model into outputs/<run>    (the same as python train.py)
  evaluate     score a run on its own or other labelled texts
  package      make model_store/<name>.mar of a run
  serve        serve the archives of model_store with TorchServe
  ready        ask a server whether it answers, for health checks
  models       list a server's models; register, scale, choose the default
  predict      add predictions to a file, locally or through the server
  ui           a page to try a model on

Any command takes Hydra's flags: --cfg job prints its config, -m sweeps (train).
Exit status: 0 done, 1 failed, 2 wrong input, 3 some rows rejected, 130 stopped by Ctrl-C.
"""
COMMANDS = ("demo", "preprocess", "train", "evaluate", "package", "serve", "ready", "models", "predict", "ui")

ENVIRONMENT = {  # libraries read it as they are imported, so that a command imports none to say it
    "TOKENIZERS_PARALLELISM": "true",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # for a second's work
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
}


def main(arguments: Sequence[str] | None = None) -> None:
    command, *overrides = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if command in ("-h", "--help", "help"):
        print(USAGE, end="")
    elif command == "--version":
        print(f"bert-sentiment {_version()}")
    elif command not in COMMANDS:
        from sentiment.config import nearest

        _fail(
            SentimentError(f"unknown command {command!r}{nearest(command, COMMANDS)}; see sentiment --help"),
            2,
        )
    else:
        run(command, overrides)


def run(command: str, overrides: Sequence[str]) -> None:
    """Compose conf/<command>.yaml with the overrides and do it; exits non-zero with one clear line on failure."""
    from omegaconf.errors import OmegaConfBaseException

    from sentiment import compose

    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        compose.launch(command, _resumed(overrides) if command == "train" else overrides, task(command))
    except (SentimentError, compose.InstantiationException) as error:
        _stop(error)
    except (compose.HydraException, OmegaConfBaseException) as error:  # some of Hydra's are OSErrors too
        _fail(compose.explain(command, error), 2)
    except OSError as error:
        _stop(error)
    except KeyboardInterrupt:
        _fail(SentimentError("stopped"), 130)


def task(command: str) -> Callable[["DictConfig"], Any]:
    return _train if command == "train" else _call


def _train(cfg: "DictConfig") -> float | None:
    """One training run, or one trial of a sweep; returns the score a sweep maximises."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    hydra = HydraConfig.get()
    folder, sweeping = Path(os.path.relpath(hydra.runtime.output_dir)), hydra.mode == RunMode.MULTIRUN
    try:
        return _fit(cfg, folder, score_test=not sweeping if cfg.test is None else cfg.test)
    except (SentimentError, OSError) as error:
        if sweeping:
            raise  # the launcher tells which trial it was
        if [path.name for path in folder.iterdir()] == [".hydra"]:
            shutil.rmtree(folder)  # the run never began
        _stop(error)


def _fit(cfg: "DictConfig", folder: Path, *, score_test: bool) -> float:
    from sentiment.config import check

    check(cfg)
    from sentiment import console, training

    console.print_config(cfg)
    with console.quiet_libraries():
        result = training.train(cfg, folder, score_test=score_test)
    console.print_run(result)
    return result.scores["validation"][cfg.optimized_metric]


def _call(cfg: "DictConfig") -> Any:
    """A command whose config is one call: its `_target_` with its keys."""
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    from sentiment import config

    try:
        wanted = config.call(cfg)
        from sentiment import console

        with console.quiet_libraries():
            return instantiate(wanted)
    except (SentimentError, OSError, InstantiationException) as error:
        _stop(error)


def _resumed(overrides: Sequence[str]) -> list[str]:
    """`resume=outputs/<run>` brings that run's own overrides back; those given now win."""
    folder = next((value.removeprefix("resume=") for value in overrides if value.startswith("resume=")), None)
    saved = Path(folder or "") / ".hydra" / "overrides.yaml"
    if not folder or folder == "null" or not saved.is_file():
        return list(overrides)
    import yaml

    given = {_key(override) for override in overrides} | {"resume"}
    kept = [override for override in yaml.safe_load(saved.read_text(encoding="utf-8")) if _key(override) not in given]
    return [*kept, *overrides]


def _key(override: str) -> str:
    return override.lstrip("+~").partition("=")[0]


def _stop(error: BaseException) -> NoReturn:
    """Exit with the user's mistake in one line; a defect of ours keeps its traceback, which is what helps."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, (SentimentError, OSError)):
        cause = cause.__cause__  # Hydra wraps what a target raises
    if cause is None:
        raise error
    text = str(cause)
    if isinstance(cause, OSError) and cause.strerror:
        text = f"{cause.strerror}: {cause.filename}" if cause.filename else cause.strerror
    _fail(SentimentError(text), getattr(cause, "exit_code", 1))


def _fail(error: SentimentError, status: int) -> NoReturn:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(status)


def _version() -> str:
    from importlib.metadata import version

    return version("bert-sentiment")
