"""Model card (README.md) of an exported model."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from sentiment.evaluation import metrics
from sentiment.evaluation.baseline import NAME as BASELINE
from sentiment.evaluation.bootstrap import Interval, interval_text
from sentiment.evaluation.results import Results
from sentiment.files import write_text
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.types import list_labels

CARD = """\
---
library_name: transformers
pipeline_tag: text-classification
---
# {name}

{backbone} fine-tuned to tell {labels} apart{taught}.

| split | {columns} |
|---|{rule}|
{rows}

In brackets: 95 % bootstrap intervals, over {counts}.

Preprocessing (`preprocessing.json`): at most {max_length} tokens, truncation `{truncation}`, temperature {temperature}.
{runtime}
```python
from transformers import pipeline
pipeline("text-classification", model="path/to/export")("what a day")
```

`sentiment.Predictor.from_pretrained("path/to/export")` applies the cleaning and the temperature of training
too; the plain pipeline {plain}.
"""
RUNTIME = "Runtime on a CPU (`conversion.json`): "
RUNTIME_LINE = re.compile(f"^{re.escape(RUNTIME)}.*$", re.MULTILINE)
PLAIN = {  # what transformers' pipeline does with the export of a task
    "single": "gives the same labels with probabilities that are not calibrated",
    "multi": "gives a probability for each label (`top_k=None`), without the thresholds and not calibrated",
    "scale": "does not know that the labels are ordered, and answers otherwise",
}


def model_card(
    name: str,
    backbone: str,
    preprocessing: Preprocessing,
    results: Results,
    *,
    teachers: Sequence[str] = (),
    runtime: str | None = None,
) -> str:
    """Render the README.md of an export: scores with intervals, preprocessing, runtime, and a usage example."""
    _, last = results.last
    columns = [column for column in metrics.sort_scores(list(last.scores)) if "/" not in column]
    rows = []
    for title, result in results.evaluations.items():
        rows.append(card_row(title, columns, result.scores, result.intervals))
        if found := results.baseline.get(title):
            rows.append(card_row(f"{title}, {BASELINE}", columns, found.scores, found.intervals))
    return CARD.format(
        name=name,
        backbone=backbone,
        labels=list_labels(last.labels),
        taught=f", taught by {', '.join(teachers)} (knowledge distillation)" if teachers else "",
        columns=" | ".join(map(metrics.title, columns)),
        rule="|".join(["---"] * len(columns)),
        rows="\n".join(rows),
        counts=", ".join(f"{len(result.split):,} {title} texts" for title, result in results.evaluations.items()),
        max_length=preprocessing.max_length,
        truncation=preprocessing.truncation,
        temperature=last.temperature,
        runtime=f"\n{RUNTIME}{runtime}.\n" if runtime else "",
        plain=PLAIN[last.decoding.kind],
    )


def update_runtime(card: Path, runtime: str | None) -> None:
    """Replace the line of a model card that names the runtime, if it has one."""
    if runtime and card.is_file():
        content = card.read_text(encoding="utf-8")
        write_text(card, RUNTIME_LINE.sub(lambda _: f"{RUNTIME}{runtime}.", content, count=1))


def card_row(title: str, columns: Sequence[str], scores: Mapping[str, float], intervals: Mapping[str, Interval]) -> str:
    return f"| {title} | {' | '.join(interval_text(column, scores, intervals) for column in columns)} |"
