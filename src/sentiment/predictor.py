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

from sentiment.encoding import Encoded, encode_windows
from sentiment.errors import ModelError
from sentiment.explanations import Explainer
from sentiment.files import read_json
from sentiment.runtimes import Compute, OnnxRuntime, TorchRuntime, first_token_only, graph_of
from sentiment.schema import Explanation, Prediction
from sentiment.text import Preprocessing

PREPROCESSING = "preprocessing.json"
MAX_TOKENS = {"cpu": 512, "gpu": 16_384}  # what keeps the caches of one, the cores of the other busy
AHEAD = 2  # chunks of a stream that are read before the answers to the first are asked for
CALL = 1 / 16  # of the time for as many tokens, whatever is computed
REQUIRED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", PREPROCESSING)


class Predictor:
    """A fine-tuned model with its own preprocessing.

    `compute` turns rows of token ids into logits; `max_tokens` bounds rows times length of one such call, padding
    included. `load_model` is asked for the model of transformers where gradients are needed.
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
    ) -> None:
        self.compute, self.tokenizer, self.preprocessing = compute, tokenizer, preprocessing
        self.labels, self.pad_id = list(labels), pad_id
        self.load_model, self.max_tokens = load_model, max_tokens

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
        """
        export = export_folder(Path(run))
        preprocessing = read_preprocessing(export, window_stride=window_stride)
        tokenizer = Tokenizer.from_file(str(export / "tokenizer.json"))
        pad_id = padding_of(export, tokenizer)
        load_model = cache(lambda: load_torch(export, device))
        compute: Compute
        if runtime == "torch" or (runtime == "auto" and (preprocessing.runtime == "torch" or device != "cpu")):
            compute = TorchRuntime(load_model(), pad_id, device=device)
        else:
            chosen = preprocessing.runtime if runtime == "auto" else runtime
            compute = OnnxRuntime(graph_of(export, chosen), pad_id)
        return cls(
            compute,
            tokenizer,
            preprocessing,
            labels_of(export),
            pad_id=pad_id,
            load_model=load_model,
            max_tokens=max_tokens or MAX_TOKENS["cpu" if device == "cpu" else "gpu"],
        )

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
    raise ModelError(f"run={run} has no complete export/ folder; let the training finish: python train.py resume={run}")


def labels_of(export: Path) -> list[str]:
    """In the model's order; transformers leaves the names out where they are its own two."""
    names = read_json(export / "config.json").get("id2label", {"0": "LABEL_0", "1": "LABEL_1"})
    return [names[str(i)] for i in range(len(names))]


def padding_of(export: Path, tokenizer: Tokenizer) -> int:
    """The id of the padding token, which tokenizer_config.json names."""
    named = read_json(export / "tokenizer_config.json").get("pad_token")
    found = tokenizer.token_to_id(named["content"] if isinstance(named, dict) else named) if named else None
    if found is None:
        raise ModelError(f"{export / 'tokenizer_config.json'} names no pad_token that its tokenizer has")
    return found


def load_torch(export: Path, device: str) -> Any:
    from transformers import AutoModelForSequenceClassification

    network = AutoModelForSequenceClassification.from_pretrained(export, local_files_only=True)
    return first_token_only(network).to(device).eval()


def softmax(logits: Any) -> Any:
    """Of numpy, (N, labels): that of PyTorch wakes a thread for each core, which takes them from the runtime."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def tempered(probabilities: torch.Tensor, temperature: float) -> torch.Tensor:
    """As if the logits of probabilities (N, labels) had been divided by `temperature` before the softmax."""
    return torch.from_numpy(softmax(np.log(np.maximum(probabilities.numpy(), 1e-12)) / temperature))


def read_preprocessing(export: Path, *, window_stride: int | None = None) -> Preprocessing:
    """preprocessing.json of an export folder; `window_stride` takes the place of its own."""
    own = Preprocessing.from_json(read_json(export / PREPROCESSING))
    return own if window_stride is None else replace(own, window_stride=window_stride)
