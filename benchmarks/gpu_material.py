"""Models and texts for benchmarks.gpu, made on the spot: speed depends on shapes and lengths, not on the weights."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = 30_522
CLUES = 40  # words that tell a label, of each label
LABELS = ("negative", "positive")
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "bert-base": {},
    "minilm": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
    "tiny": {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 128},
}
# Word pieces of a text with [CLS] and [SEP], by MiniLM's (bert-base-uncased's) tokenizer: quantiles of 6,000 training
# sentences of SST-2 (mean 23.3) and of 3,000 test reviews of IMDB (mean 308.9).
SHARES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
QUANTILES = {
    "SST-2": (3, 5, 8, 10, 13, 17, 19, 22, 25, 28, 33, 38, 43, 52, 67),
    "IMDB": (27, 55, 80, 116, 156, 175, 196, 228, 271, 334, 433, 599, 799, 1248, 3035),
}


def words() -> list[str]:
    """Pseudo-words of four letters, each a token of its own."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [
        "".join(letters[i // 26**place % 26] for place in range(4)) for i in range(1, VOCABULARY - len(SPECIALS) + 1)
    ]


def backbone(folder: Path, architecture: str, **changes: Any) -> Path:
    """Save a BERT of random weights and its tokenizer; kept where it is there already."""
    target = folder / "-".join([architecture, *(f"{name}{value}" for name, value in changes.items())])
    if (target / "tokenizer.json").is_file():
        return target
    vocabulary = {token: i for i, token in enumerate([*SPECIALS, *words()])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]")]
    backend.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    tokens = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY, attention_probs_dropout_prob=0.0, **ARCHITECTURES[architecture] | changes
    )
    BertForSequenceClassification(config).save_pretrained(target)
    PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=512, **tokens).save_pretrained(target)
    return target


def full(length: int) -> Callable[[random.Random], int]:
    return lambda rng: length


def like(name: str) -> Callable[[random.Random], int]:
    """Draw lengths as of a data set, by linear interpolation between its quantiles."""
    quantiles = QUANTILES[name]

    def draw(rng: random.Random) -> int:
        share = rng.random()
        i = max(i for i, edge in enumerate(SHARES[:-1]) if edge <= share)
        within = (share - SHARES[i]) / (SHARES[i + 1] - SHARES[i])
        return round(quantiles[i] + within * (quantiles[i + 1] - quantiles[i]))

    return draw


def texts(count: int, length: Callable[[random.Random], int], *, seed: int = 0, clues: float = 0.3) -> list[str]:
    """Texts whose label alternates; a share of the words are clues to it."""
    rng, known = random.Random(seed), words()
    made = []
    for i in range(count):
        hints = known[i % 2 * CLUES : (i % 2 + 1) * CLUES]
        size = max(1, length(rng) - 2)
        made.append(" ".join(rng.choice(hints) if rng.random() < clues else rng.choice(known) for _ in range(size)))
    return made


def label(i: int) -> str:
    return LABELS[i % 2]


def model_flops(config: Any, lengths: Sequence[int], *, labels_only: bool = False) -> float:
    """Operations of a forward pass over real tokens, padding not counted, 2 for a multiplication and addition.

    A layer takes 2 * (4 h^2 + 2 h i) for a token and 4 n h for its attention to n tokens, with h the hidden size and i
    the intermediate one. Embeddings, norms, activations and the head are not counted. `labels_only` counts what is left
    where the last layer computes everything after its attention for the first token alone.
    """
    h, i, layers = config.hidden_size, config.intermediate_size, config.num_hidden_layers
    tokens, pairs, rows = sum(lengths), sum(n * n for n in lengths), len(lengths)
    every = layers * (2 * (4 * h * h + 2 * h * i) * tokens + 4 * h * pairs)
    return float(every - (2 * (h * h + 2 * h * i) * (tokens - rows) if labels_only else 0))
