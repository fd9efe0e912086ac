"""Console command `sentiment COMMAND [key=value ...]`; each command has one conf/<command>.yaml."""

import logging
import os
import select
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sentiment.config.commands import commands, name_positional
from sentiment.errors import ConfigError, InterruptedRunError, SentimentError, user_error
from sentiment.inference import privacy
from sentiment.remote import refuse
from sentiment.shell import for_shell
from sentiment.training import distributed

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from sentiment.evaluation.results import Results

USAGE = """\
Fine-tune BERT for text sentiment, and take it to users.

usage: sentiment COMMAND [key=value ...]     sentiment COMMAND --help shows its keys

{commands}

Any command takes -v, which says more, and Hydra's flags: --cfg job prints its config, -m sweeps (train).
Exit status: 0 done, 1 failed, 2 wrong input, 3 some rows rejected, 4 what monitor's fail_on names,
130 stopped by Ctrl-C.
"""
LOCAL = (  # last words of the keys that name a place of this machine: renamed, locked, linked or handed to a library
    *("behaviour", "ca_file", "cache", "cache_dir", "env_file", "feedback", "folder", "into", "key_file"),
    *("hydra.run.dir", "hydra.sweep.dir", "model_store", "output_dir", "records", "resume", "work_dir"),
)
LOCAL_OF = (  # the same, of one command: it writes into the run, or a report
    *(("evaluate", "run"), ("export", "run"), ("review", "run")),
    *(("evaluate", "output"), ("review", "output"), ("sweep-report", "output")),
)

ENVIRONMENT = {  # libraries read these at import, so they are set here without importing any
    "TOKENIZERS_PARALLELISM": "true",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # the bars would last about a second
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line; where the reader of its output has gone, as behind `| head`, end without a message."""
    logging.raiseExceptions = False  # no traceback where a log line cannot be written
    try:
        try:
            dispatch(list(sys.argv[1:] if arguments is None else arguments))
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        _end_unread()


def dispatch(arguments: Sequence[str]) -> None:
    command, *overrides = arguments or ["--help"]
    if command in ("-h", "--help", "help"):
        lines = (f"  {name:<12} {text}" for name, text in commands().items())
        print(USAGE.format(commands="\n".join(lines)), end="")
    elif command == "--version":
        import sentiment

        print(f"bert-sentiment {sentiment.__version__}")
    elif command not in commands():
        from sentiment.config.signatures import nearest

        _fail(SentimentError(f"unknown command {command!r}{nearest(command, commands())}; see sentiment --help"), 2)
    else:
        run(command, name_positional(command, overrides))


def run(command: str, overrides: Sequence[str]) -> None:
    """Compose conf/<command>.yaml with the overrides and do it; exits non-zero with one clear line on failure."""
    from sentiment.config import compose
    from sentiment.config.overrides import twice

    for name, value in {**ENVIRONMENT, **privacy.ENVIRONMENT}.items():
        os.environ.setdefault(name, value)
    try:
        with compose.user_errors(command):
            given = compose.prepare(command, overrides)
            for key, value in twice(given):
                print(f"{key} is given more than once; {value} counts, the last one", file=sys.stderr)
            for key, _, value in (one.partition("=") for one in given):
                if {key.lstrip("+"), key.rpartition(".")[2].lstrip("+")} & {*LOCAL} or (command, key) in LOCAL_OF:
                    refuse(value, key)
            arguments = given
            if command == "train":
                from sentiment.training.launch import arguments_of

                arguments = arguments_of(given)
            compose.launch(command, arguments, task(command, arguments=arguments, given=given))
    except SentimentError as error:
        _fail(error, error.exit_code)
    except KeyboardInterrupt:
        _fail(SentimentError("stopped"), 130)


def task(command: str, *, arguments: Sequence[str] = (), given: Sequence[str] = ()) -> Callable[["DictConfig"], Any]:
    """Return the function of a command; `arguments` are the overrides `given` and those of a run that is resumed."""
    if command != "train":
        return _call
    return partial(_train, arguments=arguments, given=given if list(arguments) != list(given) else None)


def _train(cfg: "DictConfig", *, arguments: Sequence[str], given: Sequence[str] | None) -> float | None:
    """One training run, or one trial of a sweep; returns the score a sweep maximises."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.errors import InstantiationException
    from hydra.types import RunMode

    from sentiment import run_dir as runs
    from sentiment.training import launch
    from sentiment.training.check import complete

    try:
        if given is not None:
            launch.check_saved(cfg, given)
    except ConfigError as error:
        _stop(error)
    hydra, cfg = HydraConfig.get(), complete(cfg)
    folder = launch.run_folder(hydra)
    if hydra.mode == RunMode.MULTIRUN:
        from sentiment.training.sweeps.trial import run_trial

        with runs.claimed(folder, wait=True):
            return run_trial(
                cfg, hydra, folder, lambda start: launch.fit_run(cfg, folder, start, bool(cfg.after_training.test))
            )
    try:
        started = partial(_print_start, hydra=hydra, folder=folder)
        results = launch.launch_run(cfg, hydra, folder, arguments=arguments, started=started)
        if results and not distributed.rank():
            print_run(folder, results)
    except (SentimentError, OSError, InstantiationException) as error:
        _stop(error)
    return None


def _print_start(cfg: "DictConfig", *, hydra: Any, folder: Path) -> None:
    """Print what the run is about to do, and with -v the whole config."""
    from sentiment import console
    from sentiment.training.summary import start_lines

    if hydra.verbose:
        console.print_config(cfg)
    console.print_lines(start_lines(cfg, hydra, folder))


def _call(cfg: "DictConfig") -> Any:
    """Run a command whose config is a single call: `_target_` with its arguments; its engine is closed at the end."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.utils import instantiate

    from sentiment.config import check as config

    try:
        wanted = config.call(cfg, HydraConfig.get())
        from sentiment import console

        with console.quiet_libraries(), ExitStack() as opened:
            work = instantiate(wanted, _partial_=True)
            if close := getattr(work.keywords.get("engine"), "close", None):
                opened.callback(close)
            return work()
    except Exception as error:  # object stores raise types of their own packages; a defect is raised again
        _stop(error)


def _stop(error: BaseException) -> NoReturn:
    """Exit with a one-line message for a user error; re-raise any other exception, to keep its traceback."""
    if (known := user_error(error)) is None:
        raise error
    _fail(known, known.exit_code)


def _fail(error: SentimentError, status: int) -> NoReturn:
    if isinstance(error.__cause__, BrokenPipeError) and _is_unread():
        _end_unread()
    who = f" of rank {distributed.rank()}" if distributed.rank() else ""
    if not (who and isinstance(error, InterruptedRunError)):  # rank 0 reports it
        print(f"error{who}: {error}", file=sys.stderr)
    sys.exit(status)


def _is_unread() -> bool:
    """Tell whether standard output is a pipe whose reader has gone."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _end_unread() -> NoReturn:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # Python flushes standard output once more at its end
    sys.exit(1)


def print_run(folder: Path, results: "Results") -> None:
    from sentiment.console import console
    from sentiment.evaluation.terminal import scores_table

    console.print(scores_table(results))
    run = for_shell("run", folder)
    commands = (f"package {run}", "serve", f"predict {run} input=FILE.csv output=OUT.csv")
    lines = [f"run folder   {folder}   (report/report.html, metrics.json, export/)", "next"]
    for line in (*lines, *(f"  sentiment {command}" for command in commands)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
