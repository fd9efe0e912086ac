"""The model tab: description, served versions, scores and figures."""

from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from sentiment.evaluation.report.style import Figure
from sentiment.evaluation.titles import title
from sentiment.files import read_json_if_any
from sentiment.inference.types import Model
from sentiment.ui import render
from sentiment.ui.app_state import AT_ONCE, AppState

CAPTIONS = {
    "roc": "ROC curve",
    "learning_loss": "Loss while learning",
    "learning_scores": "Validation scores",
    "precision_recall": "Precision and recall",
    "reliability": "Reliability diagram",
    "length": "Accuracy by length of text",
    "lengths": "Lengths of the texts",
}

DASH = "\u2060–\u2060"  # an en dash at which no line ends


def model_tab(tab: Any, desk: AppState, status: Any) -> None:
    shown = gr.HTML()
    for listen in (tab.select, status.change):
        listen(lambda: describe_model(desk), None, shown, **AT_ONCE)
    if desk.run and (report := desk.run / "report" / "report.html").is_file():
        gr.DownloadButton("Download the report", value=str(report), size="sm")


def describe_model(desk: AppState) -> str:
    state = desk.backend.state()
    if state.model is None:
        return render.notice("The model does not answer now.") + render.details("For whoever runs it", state.problem)
    parts = [render.model_facts(state.model, desk.backend.where)]
    if versions := desk.backend.versions():
        rows = [
            [v.version, "yes" if v.default else "", f"{v.workers.count('READY')} of {len(v.workers)}"] for v in versions
        ]
        parts.append(render.table(["version", "default", "workers ready"], rows, "Versions served"))
    parts.append(scores(desk.run, state.model))
    parts += figures(desk.run)
    return "".join(parts)


def scores(run: Path | None, model: Model) -> str:
    """Render the run's scores, or those packaged with the served model."""
    if run and (found := read_json_if_any(run / "metrics.json")):
        return scores_table(found, read_json_if_any(run / "intervals.json"), f"Scores of {run.name}")
    if model.scores:
        return scores_table(model.scores, model.intervals, "Scores, on texts kept out of training")
    return render.empty("The archive holds no scores; packaged from a whole run it does.")


def scores_table(metrics: dict[str, Any], intervals: dict[str, Any] | None, caption: str) -> str:
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    spans = {split: (intervals or {}).get(split, {}) for split in metrics}
    rows = [
        [title(name), *(score(metrics[split].get(name), spans[split].get(name)) for split in metrics)] for name in names
    ]
    how = f"{caption}; in brackets 95 % intervals" if intervals else caption
    return render.table(["score", *metrics], rows, how)


def score(value: float | None, interval: list[float] | None) -> str:
    """Format a score with its confidence interval, as "0.884 (0.869–0.899)"."""
    if value is None:
        return ""
    return f"{value:.3f} ({interval[0]:.3f}{DASH}{interval[1]:.3f})" if interval else f"{value:.3f}"


def figures(run: Path | None) -> list[str]:
    """Embed the SVG figures of the run's report."""
    paths = sorted((run / "report").glob("*.svg")) if run else []
    return ['<div class="figures">', *(figure(path) for path in paths), "</div>"] if paths else []


def figure(path: Path) -> str:
    """Embed a figure as SVG in the colours of the page, light or dark."""
    caption = escape(CAPTIONS.get(path.stem, path.stem.replace("_", " ")))
    drawn = Figure(path.stem, caption, "", path.read_text(encoding="utf-8")).inline
    return f"<figure>{drawn}<figcaption>{caption}</figcaption></figure>"
