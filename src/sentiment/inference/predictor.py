"""Classifier for an export folder; the served archive ships this module too.

transformers takes seconds to import, so it is imported only when PyTorch computes.
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

from sentiment.files import damaged
from sentiment.inference.batching import MAX_TOKENS, group_by_length
from sentiment.inference.checksums import verified_beside
from sentiment.inference.explanations import Explainer
from sentiment.inference.export_dir import export_folder, labels_of, padding_of, read_preprocessing
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.runtimes import Compute, OnnxRuntime, TorchRuntime, first_token_only, graph_of
from sentiment.inference.tokenization import Encoded, encode_windows
from sentiment.inference.types import Explanation, Identity, Prediction

AHEAD = 2  # chunks of a stream that may be in flight while the caller waits for the first


class Predictor:
    """Fine-tuned model with its preprocessing.

    Args:
        compute: Maps rows of token ids to logits.
        tokenizer: The tokenizer of the export.
        preprocessing: Cleaning, truncation, windows and temperature.
        labels: Label names in the order of the logits.
        pad_id: Token id for padding.
        load_model: Returns the transformers model, for gradients; not called before they are needed.
        max_tokens: Limit on rows times length of one `compute` call, padding included.
        sha256: Hash of the export, see `sentiment.inference.checksums.export_hash`.
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
        self.settings: dict[str, Any] = {}  # arguments of `load`, reported by `identity`

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
        """Load a run directory or an export folder.

        Args:
            run: The folder.
            device: The torch device; the ONNX runtimes compute on the CPU.
            runtime: "auto" is the runtime recorded in the export, or torch on a GPU.
            max_tokens: Limit on rows times length of one forward call; the default depends on the device.
            window_stride: Overrides the export's distance between window starts, in tokens.

        Raises:
            ModelError: A file is missing, damaged, or does not match SHA256SUMS.
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
        """Return the transformers model, independent of the runtime used for predictions."""
        return self.load_model()

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        return self.answer(self.encode(texts))

    def stream(self, chunks: Iterable[Sequence[str]]) -> Iterator[list[Prediction]]:
        """Predict chunks of texts in order; the next chunks are read and tokenized while one is computed."""

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
        """Return the export hash and every setting that can change a prediction; the details name the run."""
        settings = dict(self.settings)
        details = {"run": settings.pop("run", None)}
        own = {**self.preprocessing.to_json(), "max_tokens": self.max_tokens}
        return Identity({"engine": "local", "export": self.sha256, **own, **settings, "labels": self.labels}, details)

    def explain(self, texts: Sequence[str], target: str | None = None) -> list[Explanation]:
        """Attribute each prediction to words, for the label `target` or by default the predicted one."""
        return [self.explainer.explain(self.explainer.plan(text, target)) for text in texts]

    @cached_property
    def explainer(self) -> Explainer:
        return Explainer(self.model, self.tokenizer, self.pad_id, self.preprocessing, self.labels)

    def probabilities(self, texts: Sequence[str]) -> torch.Tensor:
        """Compute class probabilities; float32 of shape (len(texts), len(labels))."""
        return self._average(self.encode(texts))

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Clean and tokenize texts, with windows.

        Raises:
            TextError: A text cannot be cleaned or tokenized; the error has its index.
        """
        return encode_windows(texts, self.tokenizer, self.preprocessing)

    def answer(self, encoded: Sequence[Encoded]) -> list[Prediction]:
        """Compute predictions from the output of `encode`."""
        rows = self._average(encoded).tolist()
        return [self._prediction(row, e) for row, e in zip(rows, encoded, strict=True)]

    def _average(self, encoded: Sequence[Encoded]) -> torch.Tensor:
        """Average each text's window probabilities, then apply the temperature (it was fitted on these averages)."""
        scores = self._score([window for one in encoded for window in one.windows])
        counts = [len(one.windows) for one in encoded]
        if len(scores) > len(encoded):
            starts = np.cumsum([0, *counts[:-1]])
            scores = np.add.reduceat(scores, starts, axis=0) / np.asarray(counts, np.float32)[:, None]
        return apply_temperature(torch.from_numpy(scores), self.preprocessing.temperature)

    def _score(self, rows: Sequence[list[int]]) -> Any:
        """Compute the softmax probabilities of token-id rows in batches; float32 of shape (rows, labels)."""
        logits = np.empty((len(rows), len(self.labels)), dtype=np.float32)
        for batch in group_by_length([len(row) for row in rows], self.max_tokens):
            logits[batch] = self.compute([rows[i] for i in batch]).numpy()
        return softmax(logits)

    def _prediction(self, row: list[float], read: Encoded) -> Prediction:
        best = Prediction.best(self.labels, row, tokens=read.tokens, truncated=read.truncated)
        return best if read.readable else replace(best, readable=False)


def read_tokenizer(export: Path) -> Tokenizer:
    path = export / "tokenizer.json"
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception
        raise damaged(path, first_line(error)) from error


def load_torch(export: Path, device: str) -> Any:
    """Load the weights with transformers.

    Raises:
        DamagedFileError: The weights are truncated, have other shapes than config.json, or lack tensors.
    """
    from transformers import AutoModelForSequenceClassification

    weights = export / "model.safetensors"
    try:
        network, info = AutoModelForSequenceClassification.from_pretrained(
            export, local_files_only=True, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
    except Exception as error:  # the possible types share no narrower base class
        raise damaged(weights, f"it does not fit {export / 'config.json'} ({first_line(error)})") from error
    if missing := sorted(info["missing_keys"]):
        raise damaged(weights, f"it lacks {missing[0]} and {len(missing) - 1} more of the model's tensors")
    return first_token_only(network).to(device).eval()


def first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def softmax(logits: Any) -> Any:
    """Compute the softmax over the last axis in numpy.

    torch.softmax would wake one thread per core, and these compete with the runtime's own threads.
    """
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def apply_temperature(probabilities: torch.Tensor, temperature: float) -> torch.Tensor:
    """Apply a temperature to probabilities (N, labels): softmax(log p / temperature)."""
    return torch.from_numpy(softmax(np.log(np.maximum(probabilities.numpy(), 1e-12)) / temperature))
