"""Heads of early exits, their thresholds, and the gate that the answers of an engine with them pass.

An answer that changes is held to the gate's limits on loss and margin. Its third limit, on log-probabilities, asks for
the same computation, which an exit is not: the probabilities of an exit are calibrated, and their log loss is limited.
"""

import copy
import itertools
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from sentiment.data.splits import Split
from sentiment.evaluation.abstention import CONFIDENCE
from sentiment.evaluation.calibration import fit_temperature
from sentiment.evaluation.proportions import upper_bound
from sentiment.evaluation.scoring import numbers
from sentiment.inference.arithmetic import pick, softmax
from sentiment.inference.batching import MAX_TOKENS, group_by_length
from sentiment.inference.exits import Exit, PartedRuntime, lead
from sentiment.inference.fidelity import MAX_LOSS, MAX_MARGIN, Fidelity, compare
from sentiment.inference.pairs import Text
from sentiment.inference.predictor import Predictor
from sentiment.inference.scoring import mean_of_windows
from sentiment.inference.types import join_labels

log = logging.getLogger(__name__)

DECAY = 1e-3  # weight decay of the heads
STEPS = 100  # of L-BFGS
COMBINATIONS = 5_000  # of thresholds that are tried first
STEPS_BETWEEN = 6  # of finer thresholds, between those found and the next lower ones
MOST = 0.98  # share of the texts that an exit may keep, if it is used
MAX_CHANGED = 0.01  # share of answers that exits change, as bounded from above with CONFIDENCE
MAX_ADDED = 0.01  # log loss that exits add to the model's own, on the labels


@dataclass(frozen=True, slots=True)
class Trial:
    """Answers of an engine with exits to the validation texts, beside those of PyTorch and of all layers."""

    fidelity: Fidelity
    layers: float  # computed, mean over tokens
    changed: float  # share of the answers
    bound: float  # upper confidence bound on that
    added: float  # log loss

    def __str__(self) -> str:
        return (
            f"{self.layers:.2f} layers a token; {self.changed:.2%} of the answers changed, with {CONFIDENCE:.0%} "
            f"confidence at most {self.bound:.2%} of all (at most {MAX_CHANGED:.0%}), log loss {self.added:+.4f} "
            f"(at most {MAX_ADDED:+g}); {self.fidelity}"
        )

    def to_json(self) -> dict[str, Any]:
        own = {"layers": self.layers, "changed": self.changed, "bound": self.bound, "log_loss_added": self.added}
        limits = {"loss": MAX_LOSS, "margin": MAX_MARGIN, "bound": MAX_CHANGED, "log_loss_added": MAX_ADDED}
        return {name: round(value, 6) for name, value in own.items()} | asdict(self.fidelity) | {"limits": limits}

    @property
    def passes(self) -> bool:
        kept = self.fidelity.loss <= MAX_LOSS and self.fidelity.margin <= MAX_MARGIN
        return kept and self.bound <= MAX_CHANGED and self.added <= MAX_ADDED


class Fitting:
    """Heads of exits, and how the validation texts fare with thresholds on them."""

    def __init__(
        self, whole: Predictor, probe: PartedRuntime, layers: Sequence[int], train: Sequence[Text], validation: Split
    ) -> None:
        self.whole, self.validation = whole, validation
        self.depth = probe.depth
        self.targets = numbers([*map(join_labels, validation.labels)], whole.labels)
        encoded = whole.encode(validation.inputs)
        self.counts = [len(one.windows) for one in encoded]
        self.rows = [row for one in encoded for row in one.windows]
        self.tokens = np.array([*map(len, self.rows)])
        exact = Predictor.load(whole.settings["run"], runtime="torch")
        self.expected = self.means(exact._score(self.rows)[0])
        taught = trace(probe, [row for one in whole.encode(train) for row in one.windows])
        seen = trace(probe, self.rows)
        log.info("exits: heads of layers %s learn from %d texts", ", ".join(map(str, layers)), len(train))
        answers = softmax(taught[-1])
        pairs = zip(taught[:-1], seen[:-1], strict=True)
        fitted = [self.calibrated(fit_head(own, answers), states) for own, states in pairs]
        self.exits = [Exit(layer, *head, 0.0) for layer, (head, _) in zip(layers, fitted, strict=True)]
        self.temperatures = [temperature for _, temperature in fitted]
        logits = [one.logits(states) for one, states in zip(self.exits, seen, strict=False)]
        self.leads = [lead(own) for own in logits]
        self.sorted_leads = [np.sort(own) for own in self.leads]
        self.scores = np.stack([softmax(own) for own in (*logits, seen[-1])])  # (exits + 1, rows, labels)
        self.own = self.means(self.scores[-1])

    def means(self, scores: Any) -> Any:
        return mean_of_windows(scores, self.counts)

    def calibrated(self, head: tuple[Any, Any], states: Any) -> tuple[tuple[Any, Any], float]:
        """Scale a head so that the export's temperature calibrates it; returns its own temperature too.

        The temperature is fitted on the surer half of the texts, as none of the others leaves.
        """
        logits = states @ head[0] + head[1]
        sure = torch.from_numpy(lead(logits) >= np.median(lead(logits)))
        targets = self.targets.repeat_interleave(torch.tensor(self.counts))
        temperature = fit_temperature(torch.from_numpy(softmax(logits))[sure], targets[sure])
        factor = np.float32(self.whole.preprocessing.temperature / temperature)
        return (head[0] * factor, head[1] * factor), temperature

    @cached_property
    def log_loss(self) -> float:
        return self.loss_of(self.own)

    def loss_of(self, scores: Any) -> float:
        calibrated = self.whole.decoding.calibrated(scores, self.whole.preprocessing.temperature)
        return float(-np.log(np.maximum(pick(calibrated, self.targets.numpy()), 1e-12)).mean())

    def judge(self, scores: Any, layers: float) -> Trial:
        """Compare probabilities of the texts, before the temperature, with those of PyTorch and of all layers."""
        changed = int((scores.argmax(axis=-1) != self.own.argmax(axis=-1)).sum())
        fidelity = compare(scores, self.expected, self.whole.decoding)
        bound = upper_bound(changed, len(scores), CONFIDENCE)
        return Trial(fidelity, layers, changed / len(scores), bound, self.loss_of(scores) - self.log_loss)

    def layers_of(self, places: Any, layers: Sequence[int]) -> float:
        return float((np.array([*layers, self.depth])[places] * self.tokens).sum() / self.tokens.sum())

    def best(self) -> tuple[list[Exit], list[float]] | None:
        """Return the exits of the fewest layers a token that pass, with their temperatures; None if none do."""
        count = max(3, int(COMBINATIONS ** (1 / len(self.exits))))
        found = self.first_passing([[*np.linspace(0, MOST, count), 1.0]] * len(self.exits))
        if found is None:
            return None
        step = MOST / (count - 1)
        finer = [[*np.linspace(max(0, kept - step), kept, STEPS_BETWEEN + 1)] if kept < 1 else [kept] for kept in found]
        thresholds = self.thresholds(self.first_passing(finer) or found)
        places = self.places(thresholds)
        used = [at for at, one in enumerate(thresholds) if np.isfinite(one) and (places == at).any()]
        exits = [replace(self.exits[at], threshold=float(thresholds[at])) for at in used]
        return exits, [self.temperatures[at] for at in used]

    def first_passing(self, grids: Sequence[Sequence[float]]) -> Sequence[float] | None:
        """Return the shares that the exits keep, one of each grid, with the fewest layers a token that pass."""
        layers = [one.layer for one in self.exits]
        ways = []
        for kept in itertools.product(*grids):
            cost = self.layers_of(self.places(self.thresholds(kept)), layers)
            ways.append((cost, sum(one < 1 for one in kept), kept))
        for cost, used, kept in sorted(ways):
            if not used:
                return None
            places = self.places(self.thresholds(kept))
            scores = self.means(self.scores[places, np.arange(len(places))])
            if self.judge(scores, cost).passes:
                return kept
        return None

    def thresholds(self, kept: Sequence[float]) -> list[float]:
        """Return the leads below which the shares `kept` of all rows lie; a share of 1 is no exit."""
        pairs = zip(self.sorted_leads, kept, strict=True)
        return [own[int(share * (len(own) - 1))] if share < 1 else np.inf for own, share in pairs]

    def places(self, thresholds: Sequence[float]) -> Any:
        """Return the index of the exit that each row leaves at, that of the last layer for the others."""
        sure = np.stack([own >= one for own, one in zip(self.leads, thresholds, strict=True)])
        return np.where(sure.any(axis=0), sure.argmax(axis=0), len(thresholds))

    def measure(self, engine: PartedRuntime) -> tuple[Trial, list[float]]:
        """Judge the answers of an engine with exits; returns also the share of rows that leave at each of them."""
        predictor = copy.copy(self.whole)
        predictor.compute = engine
        scores, left = predictor._score(self.rows)
        layers = [one.layer for one in engine.exits]
        places = np.array([layers.index(one) if one < self.depth else len(layers) for one in left or ()])
        trial = self.judge(self.means(scores), self.layers_of(places, layers))
        return trial, [float((places == at).mean()) for at in range(len(layers))]


def trace(probe: PartedRuntime, rows: Sequence[Sequence[int]]) -> list[Any]:
    """Return the pooled states after each part of a graph but the last, (rows, 2 * width), and the logits."""
    found: list[Any] = []
    for batch in group_by_length([*map(len, rows)], MAX_TOKENS["cpu"]):
        own = probe.trace([rows[row] for row in batch])
        found = found or [np.empty((len(rows), part.shape[-1]), dtype=np.float32) for part in own]
        for whole, part in zip(found, own, strict=True):
            whole[batch] = part
    return found


def fit_head(states: Any, answers: Any) -> tuple[Any, Any]:
    """Fit a linear head to answers (rows, labels) by the cross-entropy; returns weights (width, labels) and bias."""
    mean, deviation = states.mean(axis=0), states.std(axis=0) + 1e-6
    inputs, targets = torch.from_numpy((states - mean) / deviation), torch.from_numpy(answers)
    weights = torch.zeros(inputs.shape[1], targets.shape[1], requires_grad=True)
    bias = torch.zeros(targets.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(inputs @ weights + bias, targets) + DECAY * weights.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(step)  # type: ignore[no-untyped-call]
    plain = weights.detach().numpy() / deviation[:, None]
    return plain.astype(np.float32), (bias.detach().numpy() - mean @ plain).astype(np.float32)
