"""Early exits: a text that is sure after some layers is answered there, and only the others go on.

The graph of the export lies in parts that end at the exits. Texts that stay are grouped anew by length between two
parts, so that a batch is as full in the upper layers as in the lower ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sentiment.errors import ConfigError
from sentiment.files import damaged, read_object
from sentiment.inference.batching import group_by_length
from sentiment.inference.runtimes import Opening, graph_inputs, load_graph
from sentiment.shell import for_shell

EXITS, HEADS = "exits.json", "exits.safetensors"


@dataclass(frozen=True, slots=True)
class Exit:
    """A linear head on `pooled` hidden states, and how far its best label must lead to be the answer."""

    layer: int  # layers below it
    weights: Any  # (2 * width, labels), float32
    bias: Any  # (labels,), float32
    threshold: float  # of the lead, a difference of logits

    def logits(self, states: Any) -> Any:
        """Compute logits from `pooled` states, (rows, 2 * width), on the scale of the model's own."""
        return states @ self.weights + self.bias

    def is_sure(self, logits: Any) -> Any:
        """Tell for each row whether its answer is given here, (rows,)."""
        return lead(logits) >= self.threshold


def pooled(states: Any, lengths: Any) -> Any:
    """Join the first token's hidden state and the mean of all tokens', (rows, 2 * width).

    In the middle layers the mean says far more than the first token: of SST-2, 65 % of the texts can leave after layer
    3 of MiniLM by both, 12 % by the first token alone.
    """
    own = np.asarray(lengths, dtype=np.float32)[:, None]
    shares = (np.arange(states.shape[1]) < own) / own
    means = np.matmul(shares.astype(np.float32)[:, None], states)[:, 0]
    return np.concatenate([states[:, 0], means], axis=1)


def lead(logits: Any) -> Any:
    """Return by how much the best label's logit exceeds the next one, (rows,)."""
    best = np.partition(logits, -2, axis=-1)
    return best[..., -1] - best[..., -2]


def has_exits(export: Path, runtime: str) -> bool:
    """Tell whether a runtime's graph lies in parts that end at exits."""
    path = export / EXITS
    return path.is_file() and bool((found := read_object(path)).get("exits")) and found.get("runtime") == runtime


def check_exits(export: Path, runtime: str, *, kind: str) -> None:
    """Raise ConfigError if a runtime has no exits that could be demanded of it; `kind` is that of the labels."""
    if kind != "single":
        raise ConfigError(f"exits=true: exits are for one of several labels, this model has task={kind}; leave it out")
    if not has_exits(export, runtime):
        run = export.parent if export.name == "export" else export
        raise ConfigError(
            f"exits=true: {export} has no early exits of the runtime {runtime}; leave it out, or make them with: "
            f"sentiment export {for_shell('run', run)} exits=[2,3,4]"
        )


def read_exits(export: Path) -> list[Exit]:
    """Read the exits of an export folder, the lowest first.

    Raises:
        DamagedFileError: exits.json or exits.safetensors is not as the export writes them.
    """
    from safetensors.numpy import load_file

    path = export / EXITS
    try:
        heads = load_file(export / HEADS)
        return [
            Exit(
                int(one["layer"]),
                heads[f"{one['layer']}.weight"].T,
                heads[f"{one['layer']}.bias"],
                float(one["threshold"]),
            )
            for one in read_object(path)["exits"]
        ]
    except Exception as error:  # safetensors' exception shares no base class with KeyError
        raise damaged(path, f"it and {HEADS} describe no exits ({error})") from error


def part_of(export: Path, runtime: str, number: int) -> Path:
    """Return the file of one part of a graph, numbered from 1."""
    return export / f"model-{runtime}-{number}.onnx"


def open_parts(opening: Opening, *, leave: bool) -> "PartedRuntime":
    """Open the parts of a graph, with all layers for every text unless texts may `leave` early."""
    exits = read_exits(opening.export)
    parts = [part_of(opening.export, opening.name, number + 1) for number in range(len(exits) + 1)]
    depth = int(read_object(opening.export / "config.json")["num_hidden_layers"])
    return PartedRuntime(parts, opening.pad_id, exits=exits, labels=opening.labels, depth=depth, leave=leave)


class PartedRuntime:
    """ONNX Runtime sessions on the parts of one graph, each of which takes the hidden states of the one below."""

    def __init__(
        self,
        parts: Sequence[Path],
        pad_id: int,
        *,
        exits: Sequence[Exit],
        labels: int,
        depth: int = 0,
        leave: bool = True,
    ) -> None:
        self.parts, self.sessions = parts, [load_graph(part) for part in parts]
        self.pad_id, self.exits, self.labels, self.depth, self.leave = pad_id, exits, labels, depth, leave
        self.types = "token_type_ids" in [node.name for node in self.sessions[0].get_inputs()]

    def __call__(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Compute all layers for all rows."""
        return torch.from_numpy(self.trace(rows)[-1])

    def trace(self, rows: Sequence[Sequence[int]]) -> list[Any]:
        """Return the `pooled` hidden states after each part but the last, (rows, 2 * width), and the logits."""
        lengths, feed, found = [*map(len, rows)], graph_inputs(rows, self.pad_id, types=self.types), []
        for part, session in enumerate(self.sessions):
            [states] = session.run(None, feed)
            found.append(states)
            if part + 1 < len(self.sessions):
                feed = self._feed(part + 1, states, lengths)
        return [pooled(states, lengths) for states in found[:-1]] + found[-1:]

    def early(self, rows: Sequence[Sequence[int]], max_tokens: int) -> tuple[Any, list[int]]:
        """Answer each row at the first exit that is sure, in batches of at most `max_tokens`.

        Returns:
            Logits, float32 of shape (rows, labels), and how many layers computed each row.
        """
        lengths = [*map(len, rows)]
        logits = np.empty((len(rows), self.labels), dtype=np.float32)
        layers = np.full(len(rows), self.depth)
        waiting: list[list[tuple[int, Any]]] = [[] for _ in self.sessions]  # rows before each part, with their states

        def advance(part: int, batch: Any, feed: dict[str, Any]) -> None:
            [states] = self.sessions[part].run(None, feed)
            if part + 1 == len(self.sessions):
                logits[batch] = states
                return
            answers = self.exits[part].logits(pooled(states, [lengths[row] for row in batch]))
            sure = self.exits[part].is_sure(answers)
            logits[batch[sure]], layers[batch[sure]] = answers[sure], self.exits[part].layer
            for at in np.flatnonzero(~sure):
                row, others = int(batch[at]), waiting[part + 1]
                longest = lengths[others[0][0]] if others else 0  # rows come longest first
                if others and longest * (len(others) + 1) > max_tokens:
                    release(part + 1)
                waiting[part + 1].append((row, states[at, : lengths[row]]))

        def release(part: int) -> None:
            batch, waiting[part] = waiting[part], []
            own = [lengths[row] for row, _ in batch]
            states = np.empty((len(batch), max(own), batch[0][1].shape[-1]), dtype=np.float32)
            for at, (_, state) in enumerate(batch):
                states[at, : len(state)], states[at, len(state) :] = state, 0
            advance(part, np.array([row for row, _ in batch]), self._feed(part, states, own))

        for batch in group_by_length(lengths, max_tokens):
            feed = graph_inputs([rows[row] for row in batch], self.pad_id, types=self.types)
            advance(0, np.array(batch), feed)
        for part in range(1, len(self.sessions)):
            if waiting[part]:
                release(part)
        return logits, layers.tolist()

    def _feed(self, part: int, states: Any, lengths: Sequence[int]) -> dict[str, Any]:
        """Return the inputs of a part: hidden states (rows, tokens, width), and the mask or its rows' lengths."""
        hidden, mask = self.sessions[part].get_inputs()
        own = np.asarray(lengths, dtype=np.int32)
        if len(mask.shape) == 2:
            own = (np.arange(states.shape[1]) < own[:, None]).astype(np.int32)
        return {hidden.name: states, mask.name: own}
