"""Word attributions by integrated gradients over the input embeddings.

Sundararajan, Taly and Yan 2017, "Axiomatic Attribution for Deep Networks". Baseline: the same number of [PAD]
embeddings. Integrand: gradient of the target label's log-odds.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from sentiment.errors import RequestError
from sentiment.inference.alignment import Alignment
from sentiment.inference.batching import takes_types
from sentiment.inference.frames import frames_of
from sentiment.inference.pairs import Text, as_inputs, aspect_of, text_of
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.readability import Readability
from sentiment.inference.tasks import build_prediction, decoding_of
from sentiment.inference.tokenization import truncate
from sentiment.inference.types import Explanation, Unread, Word, list_labels
from sentiment.inference.word_pieces import remove_limits

log = logging.getLogger(__name__)

OPERATIONS = 8e10  # FLOPs for all explanations of one batch: one second on two cores, two on one
MIN_STEPS, MAX_STEPS = 6, 16  # quadrature points on the path
CHUNK = 1024  # tokens of one forward and backward pass
JOINTS = ("'", "\N{RIGHT SINGLE QUOTATION MARK}", "-")  # between letters, these join the parts of one word


@dataclass(frozen=True, slots=True)
class Plan:
    """Input of one explanation: the token ids of a text and the character span of each word piece."""

    text: str  # as it was given
    cleaned: str
    alignment: Alignment  # of `cleaned` to `text`
    ids: list[int]  # includes special tokens
    first: int  # number of special tokens before the word pieces
    pieces: list[tuple[int | None, int, int]]  # word index, then start and end in `cleaned`
    truncated: bool
    unreadable: float
    reason: Unread | None
    target: int | None
    steps: int
    aspect: str | None = None  # as given
    types: int = 0  # ids at the end with the token type 1

    @property
    def cost(self) -> int:
        """Return the cost in tokens times steps, the unit of `Explainer.budget`."""
        return len(self.ids) * self.steps


class Explainer:
    """Integrated-gradients explainer with a compute budget.

    Each text gets as many steps as `budget` (tokens times steps) allows. Texts too long for MIN_STEPS are truncated.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Tokenizer,
        pad_id: int,
        preprocessing: Preprocessing,
        labels: Sequence[str],
        readability: Readability,
    ) -> None:
        self.readability = readability
        self.model, self.tokenizer, self.pad_id, self.labels = model, tokenizer, pad_id, labels
        self.decoding = decoding_of(preprocessing.task)
        self.budget = max(64, int(OPERATIONS / operations(model)))  # in tokens times steps
        longest = min(preprocessing.max_length, self.budget // MIN_STEPS)
        self.preprocessing = replace(preprocessing, max_length=longest)

    def plan(self, text: Text, target: str | None = None) -> Plan:
        """Tokenize a text, with its aspect if the model reads one, for `explain`; `target` None is the predicted label.

        Raises:
            RequestError: The model has no label `target`.
        """
        check_target(target, self.labels)
        own = self.preprocessing
        [text] = as_inputs([text], aspects=own.aspects, default_aspect=own.default_aspect)
        [frame] = frames_of([text], self.tokenizer, own)
        cleaned, alignment = own.cleaning.align(text_of(text))
        found = remove_limits(self.tokenizer).encode(cleaned, add_special_tokens=False)
        pieces = list(zip(found.ids, found.word_ids, found.offsets, strict=True))
        kept = truncate(pieces, frame.room, own.truncation)
        read = [i for i, _, _ in kept]
        ids = frame.around(read)
        unreadable, reason = self.readability.measure(read, frame.ending if frame.pair else ())
        return Plan(
            text=text_of(text),
            cleaned=cleaned,
            alignment=alignment,
            ids=ids,
            first=len(frame.prefix),
            pieces=[(word, *trim_space(cleaned, start, end)) for _, word, (start, end) in kept],
            truncated=len(kept) < len(pieces),
            unreadable=unreadable,
            reason=reason,
            target=None if target is None else self.labels.index(target),
            steps=max(MIN_STEPS, min(MAX_STEPS, self.budget // len(ids))),
            aspect=aspect_of(text),
            types=frame.types,
        )

    def explain(self, plan: Plan) -> Explanation:
        embed = self.model.get_input_embeddings()
        ids = torch.tensor([plan.ids, plan.ids], device=embed.weight.device)
        own = slice(plan.first, plan.first + len(plan.pieces))
        ids[0, own] = self.pad_id
        with torch.no_grad():
            ends = embed(ids)  # (2, T, hidden): the baseline, then the text
            logits = self._logits(ends, plan)
        row = self.decoding.normalized(logits[1])
        target = self.decoding.target(row[None].cpu().numpy()) if plan.target is None else plan.target
        gradient = self._integrate(ends, target, plan)
        pieces = ((ends[1] - ends[0]) * gradient).sum(-1)[own].tolist()
        before, after = self.decoding.log_odds(logits, target).tolist()
        return Explanation(
            prediction=build_prediction(
                self.decoding,
                self.labels,
                row.tolist(),
                tokens=len(plan.ids),
                truncated=plan.truncated,
                unreadable=plan.unreadable,
                reason=plan.reason,
            ),
            target=self.labels[target],
            text=plan.text,
            words=tuple(words(plan, pieces)),
            baseline=before,
            delta=after - before - sum(pieces),
            steps=plan.steps,
            aspect=plan.aspect,
        )

    def _integrate(self, ends: torch.Tensor, target: int, plan: Plan) -> torch.Tensor:
        """Average the gradient of the log-odds along the straight path from ends[0] to ends[1]; (T, hidden)."""
        steps = plan.steps
        points, weights = (torch.as_tensor(part, dtype=ends.dtype, device=ends.device) for part in quadrature(steps))
        mean = torch.zeros_like(ends[0])
        size = max(1, CHUNK // ends.shape[1])
        for some in (slice(start, start + size) for start in range(0, steps, size)):
            path = torch.lerp(ends[0], ends[1], points[some, None, None]).requires_grad_()  # (some, T, hidden)
            (gradients,) = torch.autograd.grad(self.decoding.log_odds(self._logits(path, plan), target).sum(), path)
            mean += torch.tensordot(weights[some], gradients, dims=1)
        return mean

    def _logits(self, embeddings: torch.Tensor, plan: Plan) -> torch.Tensor:
        inputs = {"attention_mask": torch.ones(embeddings.shape[:2], device=embeddings.device)}
        if plan.types and takes_types(self.model.config):
            types = torch.zeros(embeddings.shape[:2], dtype=torch.int64, device=embeddings.device)
            types[:, -plan.types :] = 1
            inputs["token_type_ids"] = types
        logits = self.model(inputs_embeds=embeddings, **inputs).logits
        scores: torch.Tensor = self.decoding.log_scores(logits.float())
        return scores / self.preprocessing.temperature


def check_target(target: str | None, labels: Sequence[str]) -> None:
    """Raise RequestError if a model has no label `target`; None is the predicted one."""
    if target is not None and target not in labels:
        told = f"no label {target[:40]!r}; this model has {list_labels(labels)}"
        raise RequestError(told, reason="unknown_label")


def trim_space(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave out the space that a piece of a byte-level or SentencePiece tokenizer takes in before it, or is alone."""
    return (start + 1, end) if start < end and text[start] == " " else (start, end)


def operations(model: Any) -> int:
    """Estimate the FLOPs per token of a forward and backward pass: 4 per weight outside the embeddings."""
    return 4 * sum(int(weight.numel()) for name, weight in model.named_parameters() if "embeddings" not in name)


def words(plan: Plan, attributions: Sequence[float]) -> list[Word]:
    """Sum word-piece attributions to words: those of the tokenizer, merged across inner joints such as apostrophes.

    The words point into the text as it was given. What came from the same characters of it is one word, such as the
    "@" and the "user" of a mention; a mark that cleaning put in counts for the word after it.
    """
    spans: list[tuple[int, int, float]] = []
    last = None
    for (word, start, end), value in zip(plan.pieces, attributions, strict=True):
        if spans and (word == last or inside(plan.cleaned, spans[-1][1], start)):
            start, _, before = spans.pop()
            value += before
        spans.append((start, end, value))
        last = word
    raw: list[tuple[int, int, float]] = []
    for start, end, value in ((*plan.alignment.span(start, end), value) for start, end, value in spans):
        if raw and (start < raw[-1][1] or raw[-1][0] == raw[-1][1]):
            start, _, before = raw.pop()
            value += before
        raw.append((start, end, value))
    return [Word(plan.text[start:end], start, end, value) for start, end, value in raw]


def inside(text: str, end: int, start: int) -> bool:
    """Test if the boundary of two word pieces lies next to a joint inside a word such as "don't"."""
    if end != start or not {text[end - 1], text[start]} & set(JOINTS):
        return False
    joint = start if text[start] in JOINTS else end - 1
    return joint > 0 and text[joint - 1].isalnum() and text[joint + 1 : joint + 2].isalnum()


def quadrature(steps: int) -> tuple[Any, Any]:
    """Return the Gauss-Legendre points and weights on [0, 1]."""
    points, weights = np.polynomial.legendre.leggauss(steps)
    return (points + 1) / 2, weights / 2
