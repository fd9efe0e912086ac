"""A prediction job: the parts that it finishes one by one, and the output that they are joined to."""

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sentiment.batch.blocks import Distributed, Work
from sentiment.batch.cells import Changes, sentences
from sentiment.batch.identity import differences
from sentiment.batch.inputs import Inputs
from sentiment.batch.output import Output
from sentiment.batch.part import Part
from sentiment.batch.parts import DamagedPartError, Parts
from sentiment.batch.progress import Rows
from sentiment.batch.scoring import Cells, Columns, scored
from sentiment.batch.source import Source
from sentiment.batch.summary import Clock, summary, write_rejects
from sentiment.data.tables import Row, TableOptions, expanded
from sentiment.errors import (
    ClientError,
    ClusterError,
    ConfigError,
    DamagedFileError,
    DataError,
    InterruptedRunError,
    ModelChangedError,
)
from sentiment.files import read_json_if_any, write_json
from sentiment.inference.checksums import file_digest
from sentiment.inference.types import Classifier, Identity
from sentiment.inference.wording import count
from sentiment.remote import remove_files

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    source: Source
    inputs: Inputs
    rows: Callable[[], Iterator[Row]]  # iterates over the source's rows; callable once for standard input
    output: Output
    parts: Parts
    cells: Cells
    columns: Columns
    model: Identity
    settings: Mapping[str, Any]
    chunk: int
    options: TableOptions

    def finished(self) -> dict[str, Any] | None:
        """Return the manifest of a partitioned output that this very job has finished; None if there is work to do.

        Raises:
            DataError: The output was changed or cut short since.
        """
        record = self.recorded()
        if self.inputs.is_stream or record.get("job") != self.parts.identity:
            return None
        expanded(self.output.path)
        log.info("%s is complete, and made by this very job; overwrite=true predicts it again", self.output.path)
        self.parts.remove()
        return record

    def recorded(self) -> dict[str, Any]:
        """Return the manifest of a partitioned output; empty if it is missing or damaged."""
        try:
            found = read_json_if_any(self.output.summary) if self.output.partitioned else None
        except DamagedFileError:
            return {}
        return found if isinstance(found, dict) else {}

    def reopen(self, *, overwrite: bool) -> dict[int, Part]:
        """Return the finished parts of an earlier start of this job, by number; start afresh if there are none.

        Args:
            overwrite: Discard the parts of a different job instead of raising.

        Raises:
            DataError: The folder holds parts of a different job.
        """
        own = self.parts.job()
        before = own or self.recorded().get("job")
        if before != self.parts.identity and not overwrite and before is not None:
            raise DataError(
                f"{self.parts.folder if own else self.output.path} holds what another job has done: "
                f"{differences(before, self.parts.identity)}; "
                "set overwrite=true to start over, or choose another output"
            )
        if before is None and self.parts.any():
            if self.output.partitioned and not overwrite:
                raise DataError(
                    f"{self.output.path} holds parts of a job that it does not name; set overwrite=true to replace "
                    "them, or choose another output"
                )
            log.warning("%s does not say what job it is of; starting over", self.parts.folder)
        if own != self.parts.identity or self.inputs.is_stream:
            self.parts.start()
            return {}
        done, damaged = self.parts.done()
        for number in damaged:
            log.warning("part %d in %s is damaged; its rows are predicted again", number, self.parts.folder)
        if done:
            rows = sum(part.rows for part in done.values())
            log.info("going on after %d rows done before, in %s", rows, self.parts.folder)
        return done

    def run(self, engine: Classifier, done: dict[int, Part], *, quiet: bool) -> dict[int, Part]:
        """Predict the chunks missing from `done`, write their parts and add them to `done`.

        Raises:
            InterruptedRunError: The user pressed Ctrl-C.
            ClientError: The server gave no answer or refused the request (engine=rest).
            ClusterError: A Ray actor failed.
            ModelChangedError: The model was replaced during the job.
        """
        count = sum(part.rows for part in done.values())
        if self.source.rows is not None and done.keys() == set(range(math.ceil(self.source.rows / self.chunk))):
            return done
        try:
            with Rows(quiet=quiet) as bar:
                task = bar.add_task("predict", total=self.source.rows, completed=count)
                for number, part in self.written(engine, done):
                    if number not in done:  # a worker that came back may name a part again
                        count += part.rows
                        bar.advance(task, part.rows)
                    done[number] = part
        except KeyboardInterrupt as error:
            raise InterruptedRunError(self.stopped(count)) from error
        except ClientError as error:
            raise type(error)(f"{error}; {self.stopped(count)}", status=error.status) from error
        except ClusterError as error:
            raise ClusterError(f"{error}; {self.stopped(count)}") from error
        except ModelChangedError as error:
            raise ModelChangedError(
                f"{error}; stopped after {count} rows of the first, kept in {self.parts.folder}; "
                "with the first model in place the same command goes on, overwrite=true starts over with the other"
            ) from error
        return done

    def written(self, engine: Classifier, done: Mapping[int, Part]) -> Iterator[tuple[int, Part]]:
        """Write the parts that are missing from `done`, here or on the workers of the engine; yields their numbers."""
        if isinstance(engine, Distributed):
            if self.inputs.is_stream:
                raise ConfigError("input=-: the workers of engine=ray read the input themselves; write it to a file")
            files = tuple(
                (str(table.path), rows) for table, rows in zip(self.source.tables, self.source.counts, strict=True)
            )
            options, broken = self.options, self.source.broken
            work = Work(files, options, broken, self.cells, self.columns, self.parts, self.chunk)
            yield from engine.write_parts(work, done.keys())
            return
        for part in scored(self.rows(), self.cells, engine, self.columns, chunk=self.chunk, done=done.keys()):
            self.parts.check_owned()
            yield part.number, self.parts.write(part.number, part.rows, part.part, part.rejects)

    def stopped(self, count: int) -> str:
        """Describe the progress so far and how to resume."""
        if self.inputs.is_stream:
            return f"stopped after {count} rows; the same command begins with the first row again"
        return f"stopped after {count} rows, kept in {self.parts.folder}; the same command goes on from there"

    def finish(self, done: dict[int, Part], engine: Classifier, before: int, clock: Clock) -> dict[str, Any]:
        """Join the parts to the output, write rejects and summary beside it, and remove what is of the job.

        Returns:
            The summary.

        Raises:
            DataError: The input changed during the job, or parts stay damaged.
        """
        target = self.output
        self.inputs.check_unchanged()
        self.parts.check_owned()
        rows = sum(part.rows for part in done.values())
        if self.source.rows is not None and rows != self.source.rows:
            raise DataError(f"{rows} rows predicted of {self.source.rows}; the input was changed while it was read")
        remove_files([target.summary])  # summary of an earlier output
        changes = self.join(done, engine)
        self.parts.check_owned()  # else another job may have replaced the output that was just written
        for part in done.values():
            changes.update(part.changes)
        for sentence in sentences(changes):
            log.warning("%s", sentence)
        parts = list(done.values())
        write_rejects(self.parts.rejects(done), target.rejects, safe=target.spreadsheet_safe)
        made = summary(self.made(done), self.inputs, self.settings, self.model, self.columns.labels, parts, changes)
        made |= clock.counts(rows, before) | ({"job": self.parts.identity} if target.partitioned else {})
        write_json(target.summary, made)
        self.parts.remove()
        log.info("%s to %s, what made them in %s", count(rows, "row"), target.path, target.summary)
        return made

    def made(self, done: Mapping[int, Part]) -> dict[str, Any]:
        """Return what the summary says of the output."""
        path = self.output.path
        if not self.output.partitioned:
            return {"file": path.name, "bytes": path.stat().st_size, "sha256": file_digest(path)}
        return {"bytes": sum(part.bytes for part in done.values()), "parts": self.parts.files(done)}

    def join(self, done: dict[int, Part], engine: Classifier) -> Changes:
        """Join the parts to the output, predicting damaged parts again; DataError if that is impossible or futile."""
        for _ in range(len(done) + 1):
            try:
                if self.output.partitioned:
                    self.parts.settle(done)
                    return Counter()
                return self.parts.join(len(done), self.output.path)
            except DamagedPartError as error:
                if self.inputs.is_stream:
                    raise DataError(
                        f"part {error.number} in {self.parts.folder} was damaged after it was written, and standard "
                        "input cannot be read again; check the disk, and start over"
                    ) from error
                log.warning("part %d in %s is damaged; its rows are predicted again", error.number, self.parts.folder)
                del done[error.number]
                self.run(engine, done, quiet=True)
        raise DataError(f"parts in {self.parts.folder} are damaged again and again; check the disk")
