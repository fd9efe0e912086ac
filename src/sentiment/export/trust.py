"""Check of a graph against PyTorch on edge-case inputs: the shortest, the longest, and both in one batch."""

import textwrap
from collections.abc import Sequence

import torch

from sentiment.inference.frames import frames_of
from sentiment.inference.pairs import Text
from sentiment.inference.predictor import Predictor
from sentiment.inference.runtimes import Compute
from sentiment.inference.tasks import SINGLE, Decoding
from sentiment.inference.tokenization import encode

MAX_APART = 0.25  # probability; int8 rounding stays far below, a graph wrong for a length does not
BETWEEN_BATCHES = 0.02  # probability, between a row alone and in a batch


def edge_rows(texts: Sequence[Text], model: Predictor) -> list[list[int]]:
    """Return token id rows with no word, one word, half of `max_length` and all of it, made from the texts.

    With aspects, each row ends with the first one.
    """
    frames = frames_of(texts, model.tokenizer, model.preprocessing)
    encoded = encode(texts, model.tokenizer, model.preprocessing)
    rows = zip(encoded, frames, strict=True)
    words = [token for row, own in rows for token in row[len(own.prefix) : len(row) - len(own.ending)]]
    words, room = words or [model.pad_id], frames[0].room
    words = (words * (room // len(words) + 1))[:room]
    return [frames[0].around(words[:count]) for count in (0, 1, room // 2, room)]


def distrust(
    graph: Compute, reference: Compute, rows: Sequence[Sequence[int]], decoding: Decoding = SINGLE
) -> str | None:
    """Return the reason why a graph cannot be trusted with `rows`, each alone and all in one batch, or None."""

    def shares(logits: torch.Tensor) -> torch.Tensor:
        probabilities: torch.Tensor = decoding.normalized(decoding.log_scores(logits))
        return probabilities

    alone = []
    for batch in (*([row] for row in rows), list(rows)):
        size = " and ".join(str(len(row)) for row in batch) + " tokens"
        try:
            got = shares(graph(batch))
        except Exception as error:  # ONNX Runtime's exceptions share no base class
            return f"it fails on {size}: {first_line(error)}"
        apart = (got - shares(reference(batch))).abs().max().item()
        if not got.isfinite().all():
            return f"its answer to {size} is not a number"
        if not apart <= MAX_APART:
            return f"its probabilities for {size} are {apart:.2f} from PyTorch's"
        alone.append(got)
    apart = (torch.cat(alone[:-1]) - alone[-1]).abs().max().item()
    return None if apart <= BETWEEN_BATCHES else f"an answer changes by {apart:.2f} with the texts beside it"


def first_line(error: BaseException) -> str:
    """Return the first line of an exception's message, or of its cause's, shortened to 160 characters."""
    error = error.__cause__ or error
    return textwrap.shorten((str(error).strip() or type(error).__name__).splitlines()[0], 160, placeholder="...")
