"""Random backbones of many architectures, three narrow layers each, as local folders."""

import json
import re
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import CONFIG_MAPPING, AutoModelForSequenceClassification, PreTrainedTokenizerFast

LAYERS, POSITIONS = 3, 64
WORDS = [
    "good",
    "bad",
    "film",
    "meal",
    "phone",
    "trip",
    "song",
    "book",
    "game",
    "room",
    "and",
    "so",
    "on",
    "a",
    "the",
    "?",
]
NARROW = {
    "hidden_size": 16,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": POSITIONS,
}
ARGUMENTS: dict[str, dict[str, Any]] = {  # beside NARROW, or, where it does not fit, all of them
    "bert": NARROW,
    "albert": {**NARROW, "embedding_size": 16},
    "electra": {**NARROW, "embedding_size": 16},
    "roberta": NARROW,
    "camembert": NARROW,
    "xlm-roberta": NARROW,
    "mpnet": NARROW,
    "longformer": {**NARROW, "attention_window": [8] * LAYERS},
    "deberta": NARROW,
    "deberta-v2": {**NARROW, "pos_att_type": ["c2p", "p2c"], "relative_attention": True},
    "big_bird": {**NARROW, "attention_type": "original_full"},
    "convbert": NARROW,
    "rembert": {**NARROW, "input_embedding_size": 16, "output_embedding_size": 16},
    "modernbert": {**NARROW, "local_attention": 8, "cls_token_id": 2, "sep_token_id": 3},
    "distilbert": {"dim": 16, "n_layers": LAYERS, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": POSITIONS},
    "xlnet": {"d_model": 16, "n_layer": LAYERS, "n_head": 2, "d_inner": 32},
    "fnet": NARROW,
    "funnel": {"block_sizes": [2, 1], "d_model": 16, "n_head": 2, "d_head": 8, "d_inner": 32, "num_decoder_layers": 1},
    "gpt2": {"n_embd": 16, "n_layer": LAYERS, "n_head": 2, "n_positions": POSITIONS},
}
FROM_PADDING = {"roberta", "camembert", "xlm-roberta", "mpnet", "longformer"}  # two positions go to waste
ENCODERS = tuple(name for name in ARGUMENTS if name != "gpt2")


def specials(kind: str) -> list[str]:
    """As the published vocabularies begin."""
    return ["<s>", "<pad>", "</s>", "<unk>"] if kind in FROM_PADDING else ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def build_tokenizer(kind: str, *, words: list[str] = WORDS, **changes: Any) -> PreTrainedTokenizerFast:
    first, pad, last, unknown = specials(kind) if kind in FROM_PADDING else ("[CLS]", "[PAD]", "[SEP]", "[UNK]")
    vocabulary = {word: i for i, word in enumerate([*specials(kind), *words])}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(token, vocabulary[token]) for token in (first, last)]
    backend.post_processor = processors.TemplateProcessing(single=f"{first} $A {last}", special_tokens=ends)
    tokens = {"pad_token": pad, "unk_token": unknown, "cls_token": first, "sep_token": last}
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=POSITIONS, **{**tokens, **changes})


def build(kind: str, folder: Path, **changes: Any) -> str:
    """Save a random classifier of this kind and its tokenizer; `changes` are keys of its config."""
    tokenizer = build_tokenizer(kind)
    ids = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.cls_token_id, "eos_token_id": None}
    arguments = {**ARGUMENTS[kind], "vocab_size": len(tokenizer), **ids, **changes}
    if kind in FROM_PADDING:
        arguments["max_position_embeddings"] += 2  # they count from after the padding token
    config = CONFIG_MAPPING[kind](**arguments)
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def rewrite(folder: str | Path, **changes: Any) -> None:
    """Change keys of a saved config.json; those that are None go."""
    path = Path(folder) / "config.json"
    config = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def one_line(error: BaseException) -> str:
    """The message of an error a user meets, which must be one line without the marks of a traceback."""
    message = str(error)
    assert "\n" not in message, message
    assert not re.search(r"<class|Traceback|object at 0x", message), message
    return message
