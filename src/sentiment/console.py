"""Terminal output and signal handling: the config, log lines, library warning filters, deferred interrupts."""

import logging
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.file_proxy import FileProxy
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

console = Console()

REPORT_EVERY = 30.0  # seconds between lines of progress where no terminal shows a bar


class Reminder:
    """Tell when a line of progress is due: on a terminal never, as it shows a bar.

    Args:
        shown: Where the bar would be.
        every: Seconds between two lines.
    """

    def __init__(self, shown: Console, *, every: float | None = None) -> None:
        self._silent, self._every = shown.is_terminal, REPORT_EVERY if every is None else every
        self._last = time.monotonic()

    def due(self) -> bool:
        """Return True if the last line, or the start, was long enough ago; the next is due after that time again."""
        now = time.monotonic()
        if self._silent or now - self._last < self._every:
            return False
        self._last = now
        return True


def track_chunks(
    total: int, size: int, title: str, *, log: logging.Logger, done: str, fewest: int = 0
) -> Iterator[int]:
    """Yield the starts of the chunks of `total` texts, with a bar, or lines of progress where no terminal shows one.

    Args:
        total: The number of texts.
        size: Texts in a chunk.
        title: Stands beside the bar.
        log: Takes the lines.
        done: Begins them: "scored" makes "scored 512 of 1100 texts".
        fewest: Chunks from which there is a bar.
    """
    from rich.progress import track  # commands without such work start without it

    starts = range(0, total, size)
    reminder = Reminder(console)
    for start in track(
        starts, title, console=console, transient=True, disable=not console.is_terminal or len(starts) < fewest
    ):
        if reminder.due():
            log.info("%s %d of %d texts", done, start, total)
        yield start


def print_config(cfg: DictConfig) -> None:
    tree = Tree("config", guide_style="dim")
    for key in map(str, cfg):
        value = cfg[key]
        if isinstance(value, DictConfig):
            text = OmegaConf.to_yaml(value, resolve=True).rstrip()
            tree.add(key).add(Syntax(text, "yaml", background_color="default", word_wrap=True))
        else:
            tree.add(f"{key}: {value}")
    console.print(tree)


def print_lines(lines: Iterable[tuple[str, str]]) -> None:
    """Print titles and texts in two columns; a long text goes on below itself."""
    table = Table.grid(padding=(0, 2))
    for title, text in lines:
        table.add_row(Text(title, "bold"), Text(text, overflow="fold"))
    console.print(table)


class StderrHandler(logging.Handler):
    """Handler for standard error as it is at the moment: above a progress bar, which takes its place on a terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        stream = sys.stderr
        if isinstance(stream, FileProxy) and not stream.rich_proxied_file.isatty():
            stream = stream.rich_proxied_file  # the bar is on the terminal, standard error goes elsewhere
        try:
            stream.write(self.format(record) + "\n")
            stream.flush()
        except BrokenPipeError:  # the reader of a pipe has gone
            self.handleError(record)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Suppress library tips and warnings that a user cannot act on; warnings about the user's data stay."""
    for name in ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.distributed"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*num_workers.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")
        warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
        warnings.filterwarnings("ignore", message=".*WeightAveraging callback with a model that overrides")
        warnings.filterwarnings("ignore", message="The `srun` command is available")
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
        yield


SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer SIGINT, SIGTERM and SIGHUP until the block has ended, then raise KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
        yield
        return
    came: list[int] = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if came:
        raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise KeyboardInterrupt on SIGTERM as on Ctrl-C within the block, then restore the handlers."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_on_signals() -> None:
    """Raise KeyboardInterrupt on SIGTERM and SIGHUP as on Ctrl-C, for the rest of the process."""
    for number in SIGNALS:
        signal.signal(number, interrupt)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt
