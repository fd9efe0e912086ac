"""Pool of Ray actors that each hold a Predictor, on this machine or on a cluster.

Actors receive the job's chunks unchanged. A row is therefore scored in the same batch as with engine=local, and parts,
resume and rejects work alike; Ray Data would choose different blocks.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from sentiment.errors import ClusterError, ModelChangedError, TextError
from sentiment.inference.export_dir import export_folder
from sentiment.inference.pairs import Text
from sentiment.inference.predictor import Predictor, Share
from sentiment.inference.runtimes import RuntimeName
from sentiment.inference.types import Identity, Prediction
from sentiment.training.sweeps.ray_cluster import ray_cluster

AHEAD = 4  # chunks in flight per actor; keeps the actors busy while memory stays bounded


class RayPool:
    """Streaming classifier over Ray actors; a failed actor is restarted and its tasks are retried.

    `run` and this package must be present on every machine.

    Args:
        run: Run folder or export folder of the model.
        address: Address of the Ray cluster; None starts Ray on this machine.
        actors: Number of actors, each with a copy of the model.
        num_cpus: CPUs per actor.
        num_gpus: GPUs per actor.
        device: Device of each predictor.
        runtime: Inference runtime of each predictor.
        window_step: Stride of the windows over long texts; None uses the export's.
        max_error: Promised error rate of the answers given; None uses the export's.
        default_aspect: Aspect of a text without one; None uses the export's.
        threshold: Probability from which a label is given, for all labels or by label; None uses the export's.
    """

    def __init__(
        self,
        *,
        run: Path,
        address: str | None = None,
        actors: Annotated[int, Gt(0)] = 2,
        num_cpus: Annotated[float, Gt(0)] = 1,
        num_gpus: Annotated[float, Ge(0)] = 0,
        device: str = "cpu",
        runtime: RuntimeName = "auto",
        window_step: Annotated[int, Ge(0)] | None = None,
        max_error: Annotated[float, Gt(0), Le(1)] | None = None,
        default_aspect: str | None = None,
        threshold: Share | Mapping[str, Share] | None = None,
    ) -> None:
        export = export_folder(Path(run)).absolute()
        self._stack = ExitStack()
        self.ray = self._stack.enter_context(ray_cluster(address, quiet=True))
        options = {"num_cpus": num_cpus, "num_gpus": num_gpus, "max_restarts": -1, "max_task_retries": -1}
        actor = self.ray.remote(**options)(Scorer)
        by_label = dict(threshold) if isinstance(threshold, Mapping) else threshold
        settings: dict[str, Any] = {"device": device, "runtime": runtime, "window_step": window_step}
        settings |= {"max_error": max_error, "default_aspect": default_aspect, "threshold": by_label}
        self.actors = [actor.remote(export, **settings) for _ in range(actors)]

        self.model: Identity = self._result(self.actors[0].identity.remote())

    def identity(self) -> Identity:
        """Return the identity of the model that the actors loaded first."""
        return self.model

    def predict(self, texts: Sequence[Text]) -> list[Prediction]:
        return self._answer(self.actors[0].predict.remote(list(texts)))

    def stream(self, chunks: Iterable[Sequence[Text]]) -> Iterator[list[Prediction]]:
        """Yield the predictions of each chunk in order; a chunk goes to the actor with the fewest in flight."""
        asked: deque[Any] = deque()
        busy: dict[Any, int] = {}  # pending object reference to actor index
        for texts in chunks:
            done, _ = self.ray.wait(list(busy), num_returns=len(busy), timeout=0) if busy else ([], [])
            busy = {answer: actor for answer, actor in busy.items() if answer not in set(done)}
            load = Counter(busy.values())
            chosen = min(range(len(self.actors)), key=lambda number: load[number])
            asked.append(self.actors[chosen].predict.remote(list(texts)))
            busy[asked[-1]] = chosen
            if len(asked) >= AHEAD * len(self.actors):
                yield self._answer(asked.popleft())
        while asked:
            yield self._answer(asked.popleft())

    def close(self) -> None:
        """Stop the actors, and Ray if it was started for them."""
        self._stack.close()

    def _answer(self, answer: Any) -> list[Prediction]:
        """Fetch an actor's predictions and check its model, as a restarted actor may have loaded a newer export.

        Raises:
            ModelChangedError: The actor's export differs from the first one.
            ClusterError: The actor failed.
            TextError: The predictor rejected a text.
        """
        export, predictions = self._result(answer)
        if export != (expected := self.model.deciding["export"]):
            raise ModelChangedError(
                f"the export changed during the job: it began with {expected[:12]}..., an actor answers with "
                f"{export[:12]}..."
            )
        return list(predictions)

    def _result(self, answer: Any) -> Any:
        from ray.exceptions import RayError

        try:
            return self.ray.get(answer)
        except TextError as error:  # Ray raises a class derived from RayTaskError and TextError
            raise getattr(error, "cause", error) from None
        except RayError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise ClusterError(f"an actor of Ray failed: {lines[-1].strip()}") from error


class Scorer:
    """Ray actor that loads the model once."""

    def __init__(self, export: Path, **settings: Any) -> None:
        self.predictor = Predictor.load(export, **settings)

    def identity(self) -> Identity:
        return self.predictor.identity()

    def predict(self, texts: list[Text]) -> tuple[str, list[Prediction]]:
        """Predict the texts; returns the hash of the loaded export and the predictions."""
        return self.identity().deciding["export"], self.predictor.predict(texts) if texts else []
