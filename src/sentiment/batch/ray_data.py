"""A job on Ray Data: each worker reads a block of the input, scores it, and writes its own parts.

The data set holds numbers of chunks, not rows. Hence order, rejects, checksums and resume are those of a job in one
process, and a block that is done twice, since its actor died, writes the same parts.
"""

import logging
import pickle
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Annotated, Any

from annotated_types import Ge, Gt

from sentiment.batch.blocks import Work
from sentiment.batch.part import Part
from sentiment.errors import ClusterError, ModelChangedError, SentimentError, TextError
from sentiment.inference.export_dir import export_folder
from sentiment.inference.pairs import Text
from sentiment.inference.predictor import Predictor
from sentiment.inference.settings import with_settings_of
from sentiment.inference.types import Identity, Prediction
from sentiment.remote import as_path, is_remote, local_copy
from sentiment.training.sweeps.ray_cluster import ray_cluster


class RayData:
    """Engine whose actors, between 1 and `actors` as the cluster has room, do the blocks of a job.

    Every machine must see `run`, the input and the output, on a shared disk or in a store, and have this package.

    Args:
        run: Run folder or export folder of the model, or its address in a store.
        address: Address of the Ray cluster; None starts Ray on this machine.
        actors: Most actors, each with a copy of the model.
        num_cpus: CPUs per actor.
        num_gpus: GPUs per actor.
        settings: Those of `Predictor.from_pretrained`, of each actor's predictor.
    """

    @with_settings_of(Predictor.from_pretrained, but="revision")
    def __init__(
        self,
        *,
        run: str,
        address: str | None = None,
        actors: Annotated[int, Gt(0)] = 2,
        num_cpus: Annotated[float, Gt(0)] = 1,
        num_gpus: Annotated[float, Ge(0)] = 0,
        **settings: Any,
    ) -> None:
        path = as_path(run)
        self.run = str(path if is_remote(path) else export_folder(local_copy(path)).absolute())
        if isinstance(threshold := settings.get("threshold"), Mapping):
            settings["threshold"] = dict(threshold)  # Hydra's own mapping does not travel
        self.settings = settings
        self.actors = actors
        self.resources: dict[str, Any] = {"num_cpus": num_cpus, "num_gpus": num_gpus}
        self.scorer: Any = None
        with ExitStack() as stack:
            self.ray = stack.enter_context(ray_cluster(address, quiet=True))
            self.model: Identity = self._result(self._scorer().identity.remote())
            self._stack = stack.pop_all()

    def identity(self) -> Identity:
        """Return the identity of the model that the first actor loaded."""
        return self.model

    def predict(self, texts: Sequence[Text]) -> list[Prediction]:
        """Predict a few texts on one actor."""
        return list(self._result(self._scorer().predict.remote(list(texts))))

    def write_parts(self, work: Work, done: Container[int]) -> Iterator[tuple[int, Part]]:
        """Write the missing parts and yield each with its number, in any order.

        Raises:
            ModelChangedError: An actor loaded another export than the first one.
            ClusterError: The cluster failed, or its machines do not see the files.
        """
        from ray import data
        from ray.exceptions import RayError

        self._release()  # its cores are the workers'
        logging.getLogger("ray.data").setLevel(logging.WARNING)
        logging.getLogger("ray.data._internal.progress").setLevel(logging.ERROR)  # that there is no bar, as asked
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        blocks = [{"first": first, "end": end} for first, end in work.blocks(done, self.actors)]
        made = data.from_items(blocks, override_num_blocks=len(blocks)).map_batches(
            Worker,
            fn_constructor_args=(self.run, self.settings, self.model.deciding["export"], work.anywhere()),
            batch_size=1,
            compute=data.ActorPoolStrategy(min_size=1, max_size=self.actors),
            **self.resources,
        )
        try:
            for row in made.iter_rows():
                found = pickle.loads(row["found"])  # of our own worker
                if isinstance(found, SentimentError):
                    raise found
                yield found
        except RayError as error:
            raise failure(error) from error

    def close(self) -> None:
        """Stop the actors, and Ray if it was started for them."""
        self._stack.close()

    def _scorer(self) -> Any:
        if self.scorer is None:
            options = {**self.resources, "max_restarts": -1, "max_task_retries": -1}
            self.scorer = self.ray.remote(**options)(Scorer).remote(self.run, self.settings)
        return self.scorer

    def _release(self) -> None:
        if self.scorer is not None:
            self.ray.kill(self.scorer)
            self.scorer = None

    def _result(self, answer: Any) -> Any:
        from ray.exceptions import RayError

        try:
            return self.ray.get(answer)
        except TextError as error:  # Ray raises a class derived from RayTaskError and TextError
            raise getattr(error, "cause", error) from None
        except RayError as error:
            raise failure(error) from error


def failure(error: Exception) -> SentimentError:
    """Return the user's error that an actor raised, or a ClusterError with the last line of Ray's."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, SentimentError):
        return cause
    lines = [line for line in str(error).splitlines() if line.strip()]
    return ClusterError(f"an actor of Ray failed: {lines[-1].strip()}")


class Scorer:
    """Ray actor that loads the model once.

    An error that a user can correct is raised by `identity`: Ray tries an actor again whose constructor fails.
    """

    def __init__(self, run: str, settings: dict[str, Any]) -> None:
        try:
            self.predictor = Predictor.load(run, **settings)
            self.error: SentimentError | None = None
        except SentimentError as error:
            self.error = error

    def identity(self) -> Identity:
        if self.error is not None:
            raise self.error
        return self.predictor.identity()

    def predict(self, texts: list[Text]) -> list[Prediction]:
        return self.predictor.predict(texts) if texts else []


class Worker(Scorer):
    """Actor of Ray Data that writes the parts of blocks; an error that a user can correct is sent as a value."""

    def __init__(self, run: str, settings: dict[str, Any], export: str, work: Work) -> None:
        super().__init__(run, settings)
        self.export, self.work = export, work

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        try:
            if (own := self.identity().deciding["export"]) != self.export:
                raise ModelChangedError(
                    f"the export changed during the job: it began with {self.export[:12]}..., an actor answers with "
                    f"{own[:12]}..."
                )
            [first], [end] = batch["first"], batch["end"]
            for made in self.work.write(self.predictor, int(first), int(end)):
                yield {"found": [pickle.dumps(made)]}
        except SentimentError as error:
            yield {"found": [pickle.dumps(error)]}
