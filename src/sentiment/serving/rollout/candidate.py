"""A candidate version served beside the default one: register, measure, promote, withdraw."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sentiment.client import Client, Management
from sentiment.client.management import number
from sentiment.errors import ClientError, NotFoundError, ServingError
from sentiment.evaluation.behaviour import Capability, judge
from sentiment.files import rename
from sentiment.inference.pairs import Pair, Text
from sentiment.inference.tasks import SINGLE, Decoding
from sentiment.inference.types import Prediction
from sentiment.serving.rollout.gate import Evidence, changes_of, compare_behaviour, measure_candidate
from sentiment.serving.rollout.golden import Golden
from sentiment.serving.store import candidate_of, forget, history, put_in_place

log = logging.getLogger(__name__)

TIMED = 50  # latency samples: single texts, sent one after another


@dataclass(frozen=True, kw_only=True)
class Candidate:
    engine: Client
    management: Management
    archive: Path
    version: str
    in_place: str | None  # the default version before; None if the model is new

    @property
    def model(self) -> str:
        return self.engine.model

    def register(self, package: Callable[..., Path], run: Path, *, workers: int) -> None:
        """Package the run and register it; returns once its workers are ready.

        Raises:
            ServingError: The server does not find the archive, as when it serves another store.
        """
        made = candidate_of(self.archive)
        options = {"model_store": made.parent, "name": self.model, "version": self.version, "workers": workers}
        package(run=run, file=made.stem, **options)
        try:
            self.management.register(made.name, workers=workers)
        except NotFoundError as error:
            raise ServingError(
                f"{error}; is {self.archive.parent} the store of this server? set model_store=FOLDER"
            ) from error

    def measure(
        self,
        golden: Golden,
        exported: Sequence[Prediction],
        behaviour: Sequence[Capability],
        decoding: Decoding = SINGLE,
    ) -> Evidence:
        """Compare the candidate with the exported model and the default version on the golden set; time some texts.

        The behaviour tests of both versions are compared too.
        """
        in_place, former, before = None, None, None
        if self.in_place:
            with self._client(self.in_place) as client:
                before = client.describe()
                if before.aspects == isinstance(golden.texts[0], Pair):
                    in_place = client.predict(golden.texts) if golden.labels else None
                    former = judge(behaviour, client.predict)
        with self._client(self.version) as client:
            changes = changes_of(client.describe(), before) if before else []
            behaved = compare_behaviour(judge(behaviour, client.predict), former)
            served = client.predict(golden.texts)
            seconds = [measure_latency(client, golden.texts[i % len(golden.texts)]) for i in range(TIMED)]
        evidence = measure_candidate(
            served=served,
            exported=exported,
            in_place=in_place,
            labels=golden.labels,
            seconds=seconds,
            decoding=decoding,
        )
        return replace(evidence, behaviour=behaved, changes=changes)

    def promote(self) -> None:
        """Make the candidate the default version, on the server and after a restart.

        The rename commits the promotion: a restart before it serves the former version, a restart after it the new one.
        """
        put_in_place(self.archive.parent, self.model, self.version, before=self.in_place)
        rename(candidate_of(self.archive), self.archive)
        if self.in_place is not None:
            self.management.set_default(self.model, self.version)

    def withdraw(self) -> None:
        """Undo the rollout: restore the former default version, and remove every trace of the candidate."""
        self.archive.unlink(missing_ok=True)  # removed first, so that a restart does not serve it
        forget(self.archive.parent, self.model, self.version)
        try:
            if self.in_place and number(self.management.version(self.model).version) == number(self.version):
                self.management.set_default(self.model, self.in_place)
            self.management.unregister(self.model, self.version)
        except NotFoundError:
            pass  # it was never registered
        except ClientError as error:
            log.warning("%s %s may still be served: %s", self.model, self.version, error)
        candidate_of(self.archive).unlink(missing_ok=True)

    def retire(self) -> None:
        """Unregister promoted versions older than the former default; their archives stay in the store."""
        kept = {number(version) for version in (self.version, self.in_place) if version}
        placed = {number(version) for version in history(self.archive.parent, self.model)}
        try:
            for one in self.management.versions(self.model):
                if number(one.version) in placed - kept:
                    self.management.unregister(self.model, one.version)
                    log.info("%s %s is served no longer; %s stays in the store", self.model, one.version, one.archive)
        except ClientError as error:
            log.warning("an older version of %s may still be served: %s", self.model, error)

    def _client(self, version: str) -> Client:
        return replace(self.engine, model=f"{self.model}/{version}")


def measure_latency(client: Client, text: Text) -> float:
    started = time.perf_counter()
    client.predict([text])
    return time.perf_counter() - started
