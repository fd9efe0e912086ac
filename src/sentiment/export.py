"""A trained model as a Hugging Face folder that opens with plain `from_pretrained`, with all that serving needs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment import metrics
from sentiment.baseline import NAME as BASELINE
from sentiment.checksums import replace_listed, write_checksums
from sentiment.files import json_text, replacing, write_json
from sentiment.intervals import Interval, interval_text
from sentiment.predictor import PREPROCESSING, read_preprocessing
from sentiment.text import Preprocessing

if TYPE_CHECKING:
    from sentiment.evaluation import Results

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

In brackets: 95 % bootstrap intervals, over {counts}.

Preprocessing (`preprocessing.json`): at most {max_length} tokens, truncation `{truncation}`, temperature {temperature}.

```python
from transformers import pipeline
pipeline("text-classification", model="path/to/export")("what a day")
```

`sentiment.predictor.Predictor.load("path/to/export").predict([...])` applies the cleaning and the temperature of
training too; the plain pipeline gives the same labels with probabilities that are not calibrated.
"""


def export(network: Any, tokenizer: Any, preprocessing: Preprocessing, *, into: Path) -> Path:
    """Write config.json, model.safetensors, the tokenizer, vocab.txt, preprocessing.json and SHA256SUMS to `into`."""
    with replacing(into, marker=PREPROCESSING) as folder:
        network.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        (folder / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary), encoding="utf-8")
        write_json(folder / PREPROCESSING, preprocessing.to_json())
        write_checksums(folder)
    return into


def amend(exported: Path, **changes: Any) -> Preprocessing:
    """Change preprocessing.json of an export folder; returns what is there now."""
    changed = replace(read_preprocessing(exported), **changes)
    replace_listed(exported / PREPROCESSING, json_text(changed.to_json()))
    return changed


def model_card(name: str, backbone: str, preprocessing: Preprocessing, results: "Results") -> str:
    """README.md of the export folder."""
    _, last = results.last
    columns = [column for column in metrics.ordered(list(last.scores)) if "/" not in column]
    rows = []
    for title, result in results.evaluations.items():
        rows.append(card_row(title, columns, result.scores, result.intervals))
        if found := results.baseline.get(title):
            rows.append(card_row(f"{title}, {BASELINE}", columns, found.scores, found.intervals))
    return CARD.format(
        name=name,
        backbone=backbone,
        labels=", ".join(last.labels),
        columns=" | ".join(map(metrics.title, columns)),
        rule="|".join(["---"] * len(columns)),
        rows="\n".join(rows),
        counts=", ".join(f"{len(result.split):,} {title} texts" for title, result in results.evaluations.items()),
        max_length=preprocessing.max_length,
        truncation=preprocessing.truncation,
        temperature=last.temperature,
    )


def card_row(title: str, columns: Sequence[str], scores: Mapping[str, float], intervals: Mapping[str, Interval]) -> str:
    return f"| {title} | {' | '.join(interval_text(column, scores, intervals) for column in columns)} |"
