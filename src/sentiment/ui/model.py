"""What the model is, how good it is, and whether it answers."""

import base64
import json
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from sentiment.ui import render
from sentiment.ui.desk import Desk

TITLES = {"confusion_matrix": "Confusion matrix", "learning_curves": "Learning curves"}


def model_tab(tab: Any, desk: Desk, status: Any) -> None:
    shown = gr.HTML()
    for listen in (tab.select, status.change):
        listen(lambda: described(desk), None, shown, api_visibility="private", show_progress="hidden")
    if desk.run and (report := desk.run / "report" / "report.html").is_file():
        gr.DownloadButton("Download the report", value=str(report), size="sm")


def described(desk: Desk) -> str:
    state = desk.backend.state()
    if state.model is None:
        return render.notice(f"The model does not answer now. {state.problem}")
    parts = [render.model_facts(state.model, desk.backend.where)]
    if versions := desk.backend.versions():
        rows = [
            [v.version, "yes" if v.default else "", f"{v.workers.count('READY')} of {len(v.workers)}"] for v in versions
        ]
        parts.append(render.table(["version", "default", "workers ready"], rows, "Versions served"))
    parts.append(scores(desk, state.model.scores))
    parts += figures(desk.run)
    return "".join(parts)


def scores(desk: Desk, served: dict[str, Any] | None) -> str:
    path = desk.run / "metrics.json" if desk.run else None
    if path and path.is_file():
        return scores_table(json.loads(path.read_text(encoding="utf-8")), f"Scores of {path.parent.name}")
    if served:
        return scores_table(served, "Scores, on texts kept out of training")
    return render.empty("The archive holds no scores; packaged from a whole run it does.")


def scores_table(metrics: dict[str, dict[str, Any]], caption: str) -> str:
    names = list(dict.fromkeys(name for values in metrics.values() for name in values))
    rows = [[name, *(number(values.get(name)) for values in metrics.values())] for name in names]
    return render.table(["score", *metrics], rows, caption)


def number(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value if value is not None else "")


def figures(run: Path | None) -> list[str]:
    """The report's own drawings, inside the page."""
    paths = sorted((run / "report").glob("*.svg")) if run else []
    return ['<div class="figures">', *(figure(path) for path in paths), "</div>"] if paths else []


def figure(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    title = escape(TITLES.get(path.stem, path.stem.replace("_", " ")))
    return (
        f'<figure><img alt="{title}" src="data:image/svg+xml;base64,{data}"><figcaption>{title}</figcaption></figure>'
    )
