"""The same Predictor in many processes: stateful actors of Ray, on this machine or on a cluster.

The job's own chunks go to the actors as they are, so that a row is scored with the very neighbours that it has with
engine=local, and parts, resume and rejects stay as they are. Ray Data would choose its own blocks.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt

from sentiment.errors import ClusterError, ModelChangedError, TextError
from sentiment.inference.export_dir import export_folder
from sentiment.inference.predictor import Predictor
from sentiment.inference.types import Identity, Prediction
from sentiment.ray_cluster import ray_cluster

AHEAD = 4  # chunks for each actor that are read before their answers come: none waits for work, memory stays bounded


class RayPool:
    """`actors` processes that hold the model; one that dies, or its machine, is started again and its work repeated.

    `run` and the package are on every machine. `num_cpus` and `num_gpus` are those of one actor.
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
        runtime: Literal["auto", "torch", "onnx", "onnx-int8"] = "auto",
        window_stride: Annotated[int, Ge(0)] | None = None,
    ) -> None:
        export = export_folder(Path(run)).absolute()
        self._stack = ExitStack()
        self.ray = self._stack.enter_context(ray_cluster(address, quiet=True))
        options = {"num_cpus": num_cpus, "num_gpus": num_gpus, "max_restarts": -1, "max_task_retries": -1}
        actor = self.ray.remote(**options)(Scorer)
        settings = {"device": device, "runtime": runtime, "window_stride": window_stride}
        self.actors = [actor.remote(export, **settings) for _ in range(actors)]

        self.model: Identity = self._result(self.actors[0].identity.remote())

    def identity(self) -> Identity:
        """That of the predictors in the actors."""
        return self.model

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        return self._answer(self.actors[0].predict.remote(list(texts)))

    def stream(self, chunks: Iterable[Sequence[str]]) -> Iterator[list[Prediction]]:
        """The answers to each chunk, in order; a chunk goes to the actor with the fewest to do."""
        asked: deque[Any] = deque()
        busy: dict[Any, int] = {}  # answers to come, and the actor of each
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
        """End the actors, and the Ray that was started for them."""
        self._stack.close()

    def _answer(self, answer: Any) -> list[Prediction]:
        """The predictions of an actor, which may have been started again since, and loaded what lies there now."""
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
        except TextError as error:  # Ray's own class, made of both
            raise getattr(error, "cause", error) from None
        except RayError as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise ClusterError(f"an actor of Ray failed: {lines[-1].strip()}") from error


class Scorer:
    """What an actor holds: the model, loaded once."""

    def __init__(self, export: Path, **settings: Any) -> None:
        self.predictor = Predictor.load(export, **settings)

    def identity(self) -> Identity:
        return self.predictor.identity()

    def predict(self, texts: list[str]) -> tuple[str, list[Prediction]]:
        """The hash of the export that was loaded, and the answers."""
        return self.identity().deciding["export"], self.predictor.predict(texts) if texts else []
