"""A trained model as a Hugging Face folder that opens with plain `from_pretrained`, with all that serving needs."""

from pathlib import Path
from typing import Any

from sentiment.files import replacing, write_json
from sentiment.predictor import PREPROCESSING
from sentiment.text import Preprocessing

CARD = """\
---
library_name: transformers
pipeline_tag: text-classification
---
# {name}

{backbone} fine-tuned to tell {labels} apart.

| split | {columns} |
|---|{rule}|
{rows}

Preprocessing (`preprocessing.json`): at most {max_length} tokens, truncation `{truncation}`.

```python
from transformers import pipeline
pipeline("text-classification", model="path/to/export")("what a day")
```

`sentiment.predictor.Predictor.load("path/to/export").predict([...])` applies the cleaning of training too.
"""


def export(network: Any, tokenizer: Any, preprocessing: Preprocessing, *, into: Path) -> Path:
    """Write config.json, model.safetensors, the tokenizer, vocab.txt and preprocessing.json to `into`."""
    with replacing(into) as folder:
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary), encoding="utf-8")
        write_json(folder / PREPROCESSING, preprocessing.to_json())
    return into


def model_card(
    name: str,
    backbone: str,
    labels: list[str],
    preprocessing: Preprocessing,
    scores: dict[str, dict[str, float]],
) -> str:
    """README.md of the export folder; `scores` holds the metrics of each split."""
    columns = [column for column in next(iter(scores.values())) if "/" not in column]
    rows = [f"| {split} | {' | '.join(f'{values[c]:.4f}' for c in columns)} |" for split, values in scores.items()]
    return CARD.format(
        name=name,
        backbone=backbone,
        labels=", ".join(labels),
        columns=" | ".join(columns),
        rule="|".join(["---"] * len(columns)),
        rows="\n".join(rows),
        max_length=preprocessing.max_length,
        truncation=preprocessing.truncation,
    )
