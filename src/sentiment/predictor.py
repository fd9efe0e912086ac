"""An export folder as a classifier: texts in, predictions out. The served archive carries this very module.

transformers, seconds to import, is left alone until PyTorch computes.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from annotated_types import Ge, Gt
from tokenizers import Tokenizer

from sentiment.checksums import verified_beside
from sentiment.encoding import Encoded, encode_windows
from sentiment.errors import ModelError, SentimentError
from sentiment.explanations import Explainer
from sentiment.files import damaged, read_object
from sentiment.runtimes import Compute, OnnxRuntime, TorchRuntime, first_token_only, graph_of
from sentiment.schema import Explanation, Identity, Prediction
from sentiment.text import Preprocessing

PREPROCESSING = "preprocessing.json"
MAX_TOKENS = {"cpu": 512, "gpu": 16_384}  # what keeps the caches of one, the cores of the other busy
AHEAD = 2  # chunks of a stream that are read before the answers to the first are asked for
CALL = 1 / 16  # of the time for as many tokens, whatever is computed
REQUIRED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", PREPROCESSING)


class Predictor:
    """A fine-tuned model with its own preprocessing.

    `compute` turns rows of token ids into logits; `max_tokens` bounds rows times length of one such call, padding
    included. `load_model` is asked for the model of transformers where gradients are needed. `sha256` is the hash of
    the export (`sentiment.checksums.export_hash`).
    """

    def __init__(
        self,
        compute: Compute,
        tokenizer: Tokenizer,
        preprocessing: Preprocessing,
        labels: Sequence[str],
        *,
        pad_id: int,
        load_model: Callable[[], Any],
        max_tokens: int,
        sha256: str | None = None,
    ) -> None:
        self.compute, self.tokenizer, self.preprocessing = compute, tokenizer, preprocessing
        self.labels, self.pad_id = list(labels), pad_id
        self.load_model, self.max_tokens, self.sha256 = load_model, max_tokens, sha256
        self.settings: dict[str, Any] = {}  # those of `load`, for `identity`

    @classmethod
    def load(
        cls,
        run: Path,
        *,
        device: str = "cpu",
        runtime: Literal["auto", "torch", "onnx", "onnx-int8"] = "auto",
        max_tokens: Annotated[int, Gt(0)] | None = None,
        window_stride: Annotated[int, Ge(0)] | None = None,
    ) -> "Predictor":
        """Open a run directory or an export folder; runtime auto is the one recorded there, on a GPU torch.

        `window_stride` takes the place of its own.

        Raises:
            ModelError: A file is missing, damaged, or not the one that SHA256SUMS lists.
        """
        export = export_folder(Path(run))
        with verified_beside(export) as hashes:
            preprocessing = read_preprocessing(export, window_stride=window_stride)
            labels, tokenizer = labels_of(export), read_tokenizer(export)
            pad_id = padding_of(export, tokenizer)
            load_model = cache(lambda: load_torch(export, device))
            compute: Compute
            if runtime == "torch" or (runtime == "auto" and (preprocessing.runtime == "torch" or device != "cpu")):
                compute = TorchRuntime(load_model(), pad_id, device=device)
            else:
                chosen = preprocessing.runtime if runtime == "auto" else runtime
                compute = OnnxRuntime(graph_of(export, chosen), pad_id, labels=len(labels))
        predictor = cls(
            compute,
            tokenizer,
            preprocessing,
            labels,
            pad_id=pad_id,
            load_model=load_model,
            max_tokens=max_tokens or MAX_TOKENS["cpu" if device == "cpu" else "gpu"],
            sha256=hashes[0],
        )
        computing = graph.stem.removeprefix("model-") if (graph := getattr(compute, "graph", None)) else "torch"
        predictor.settings = {"runtime": computing, "device": device, "run": str(run)}
        return predictor

    @property
    def model(self) -> Any:
        """The model of transformers, whatever computes the answers."""
        return self.load_model()

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        return self.answer(self.encode(texts))

    def stream(self, chunks: Iterable[Sequence[str]]) -> Iterator[list[Prediction]]:
        """The answers to each chunk of texts, in order; the next are read and tokenized while one is computed."""

        def answer(encoded: Future[list[Encoded]]) -> list[Prediction]:
            return self.answer(encoded.result())

        tokenizing, computing = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
        asked: deque[Future[list[Prediction]]] = deque()
        try:
            for texts in chunks:
                asked.append(computing.submit(answer, tokenizing.submit(self.encode, texts)))
                if len(asked) > AHEAD:
                    yield asked.popleft().result()
            while asked:
                yield asked.popleft().result()
        finally:
            for pool in (tokenizing, computing):
                pool.shutdown(cancel_futures=True)

    def identity(self) -> Identity:
        """The export and every setting that can change an answer; and the run it came from."""
        settings = dict(self.settings)
        details = {"run": settings.pop("run", None)}
        own = {**self.preprocessing.to_json(), "max_tokens": self.max_tokens}
        return Identity({"engine": "local", "export": self.sha256, **own, **settings, "labels": self.labels}, details)

    def explain(self, texts: Sequence[str], target: str | None = None) -> list[Explanation]:
        """Which words speak for `target`, by default for the label predicted."""
        return [self.explainer.explain(self.explainer.plan(text, target)) for text in texts]

    @cached_property
    def explainer(self) -> Explainer:
        return Explainer(self.model, self.tokenizer, self.pad_id, self.preprocessing, self.labels)

    def probabilities(self, texts: Sequence[str]) -> torch.Tensor:
        """Class probabilities, (len(texts), len(labels)), float32."""
        return self._average(self.encode(texts))

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Clean and tokenize; TextError names a text for which that fails."""
        return encode_windows(texts, self.tokenizer, self.preprocessing)

    def answer(self, encoded: Sequence[Encoded]) -> list[Prediction]:
        """Compute the predictions of texts that `encode` has read."""
        rows = self._average(encoded).tolist()
        return [self._prediction(row, e) for row, e in zip(rows, encoded, strict=True)]

    def _average(self, encoded: Sequence[Encoded]) -> torch.Tensor:
        """The mean of the probabilities of each text's windows, and on it the temperature, which was fitted so."""
        scores = self._score([window for one in encoded for window in one.windows])
        counts = [len(one.windows) for one in encoded]
        if len(scores) > len(encoded):
            starts = np.cumsum([0, *counts[:-1]])
            scores = np.add.reduceat(scores, starts, axis=0) / np.asarray(counts, np.float32)[:, None]
        return tempered(torch.from_numpy(scores), self.preprocessing.temperature)

    def _score(self, rows: Sequence[list[int]]) -> Any:
        """Probabilities (rows, labels), float32."""
        logits = np.empty((len(rows), len(self.labels)), dtype=np.float32)
        for batch in grouped([len(row) for row in rows], self.max_tokens):
            logits[batch] = self.compute([rows[i] for i in batch]).numpy()
        return softmax(logits)

    def _prediction(self, row: list[float], read: Encoded) -> Prediction:
        best = Prediction.best(self.labels, row, tokens=read.tokens, truncated=read.truncated)
        return best if read.readable else replace(best, readable=False)


def grouped(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Indices of rows in groups that are computed together, in the way that takes least time.

    A group costs its rows times the longest of them, and beside that what one more call costs; it holds one row or
    `max_tokens` at most. Rows sorted by length are cut at the best places, found one after the other.
    """
    every = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-every, kind="stable")
    longest = every[order]
    least = np.zeros(len(order) + 1)  # what the first rows cost
    cuts = np.zeros(len(order) + 1, dtype=np.int64)  # where the last group of the first rows begins
    for end in range(1, len(order) + 1):
        first = max(0, end - max(1, max_tokens // max(1, longest[end - 1])))
        tokens = np.arange(end - first, 0, -1) * longest[first:end]
        costs = least[first:end] + tokens + np.where(tokens > max_tokens, np.inf, 0)
        costs[-1] = least[end - 1] + longest[end - 1]  # a row alone, however long
        cuts[end] = first + costs.argmin()
        least[end] = costs.min() + max_tokens * CALL
    groups, end = [], len(order)
    while end:
        groups.append(order[cuts[end] : end].tolist())
        end = cuts[end]
    return groups[::-1]


def export_folder(run: Path) -> Path:
    """`run`/export, or `run` itself where it is an export folder; ModelError where it is neither."""
    for folder in (run / "export", run):
        if all((folder / file).is_file() for file in REQUIRED):
            return folder
    if not run.is_dir():
        raise ModelError(f"run={run}: no such folder; name a run directory, outputs/<run>")
    for folder in (run / "export", run):
        missing = [file for file in REQUIRED if not (folder / file).is_file()]
        if len(missing) < len(REQUIRED):
            raise ModelError(
                f"run={run} has no complete export/ folder: {folder / missing[0]} is missing; restore it, "
                f"or make it again: python train.py resume={run}"
            )
    if str(run) == ".":
        raise ModelError("no run is named; name a run directory or its export folder: run=outputs/RUN")
    if not any((run / "checkpoints").glob("*.ckpt")):
        raise ModelError(f"run={run} is no run directory: it has neither export/ nor a checkpoint; name outputs/<run>")
    raise ModelError(f"run={run} has no complete export/ folder; let the training finish: python train.py resume={run}")


def labels_of(export: Path) -> list[str]:
    """In the model's order; transformers leaves the names out where they are its own two."""
    path = export / "config.json"
    names = read_object(path).get("id2label", {"0": "LABEL_0", "1": "LABEL_1"})
    if not isinstance(names, dict) or set(names) != {str(i) for i in range(len(names))} or len(names) < 2:
        raise damaged(path, "its id2label does not name the labels 0, 1, ...")
    labels = [names[str(i)] for i in range(len(names))]
    if not all(isinstance(label, str) for label in labels) or len(set(labels)) < len(labels):
        raise damaged(path, "its id2label names are not different texts")
    return labels


def read_tokenizer(export: Path) -> Tokenizer:
    path = export / "tokenizer.json"
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises nothing narrower
        raise damaged(path, first_line(error)) from error


def padding_of(export: Path, tokenizer: Tokenizer) -> int:
    """The id of the padding token, which tokenizer_config.json names."""
    named = read_object(export / "tokenizer_config.json").get("pad_token")
    name = named.get("content") if isinstance(named, dict) else named
    found = tokenizer.token_to_id(name) if isinstance(name, str) else None
    if found is None:
        raise ModelError(f"{export / 'tokenizer_config.json'} names no pad_token that its tokenizer has")
    return found


def load_torch(export: Path, device: str) -> Any:
    """Open the weights with transformers. Raises DamagedFileError where they are cut, of another shape, or too few."""
    from transformers import AutoModelForSequenceClassification

    weights = export / "model.safetensors"
    try:
        network, info = AutoModelForSequenceClassification.from_pretrained(
            export, local_files_only=True, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
    except Exception as error:  # of many kinds, that share no other base
        raise damaged(weights, f"it does not fit {export / 'config.json'} ({first_line(error)})") from error
    if missing := sorted(info["missing_keys"]):
        raise damaged(weights, f"it lacks {missing[0]} and {len(missing) - 1} more of the model's tensors")
    return first_token_only(network).to(device).eval()


def first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def softmax(logits: Any) -> Any:
    """Of numpy, (N, labels): that of PyTorch wakes a thread for each core, which takes them from the runtime."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def tempered(probabilities: torch.Tensor, temperature: float) -> torch.Tensor:
    """As if the logits of probabilities (N, labels) had been divided by `temperature` before the softmax."""
    return torch.from_numpy(softmax(np.log(np.maximum(probabilities.numpy(), 1e-12)) / temperature))


def read_preprocessing(export: Path, *, window_stride: int | None = None) -> Preprocessing:
    """preprocessing.json of an export folder; `window_stride` takes the place of its own."""
    path = export / PREPROCESSING
    try:
        own = Preprocessing.from_json(read_object(path))
        own.check()
    except KeyError as error:
        raise damaged(path, f"it has no {error}") from error
    except (TypeError, ValueError) as error:
        if isinstance(error, SentimentError):
            raise
        raise damaged(path, str(error).removeprefix("Preprocessing.__init__() ")) from error
    return own if window_stride is None else replace(own, window_stride=window_stride)
