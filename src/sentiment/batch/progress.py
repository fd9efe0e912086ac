"""Progress of a batch job: a bar on a terminal, lines elsewhere."""

import logging

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from sentiment.console import Reminder

log = logging.getLogger(__name__)


class Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} rows/s")


class Rows(Progress):
    """Rows done, of those that are known; a line from time to time where standard error is no terminal."""

    def __init__(self, *, quiet: bool) -> None:
        shown = (BarColumn(), MofNCompleteColumn(), Rate(), TimeElapsedColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        disabled = quiet or not console.is_terminal
        super().__init__(TextColumn("{task.description}"), *shown, console=console, disable=disabled)
        self._reminder = None if quiet else Reminder(console)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        super().advance(task_id, advance)
        if self._reminder is not None and self._reminder.due():
            task = self.tasks[task_id]
            total = f" of {task.total:,.0f}" if task.total else ""
            rate = f", {task.speed:,.0f} rows/s" if task.speed else ""
            log.info("%s: %s%s rows%s", task.description, f"{task.completed:,.0f}", total, rate)
