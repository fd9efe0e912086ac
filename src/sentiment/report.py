"""report/report.html: one self-contained page about a run, and its figures as SVG files."""

import csv
import html
import json
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from sentiment.evaluation import Evaluation

PAGE = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1f24; }}
h1 {{ margin-bottom: 0; }} .sub {{ color: #59636e; margin-top: .25rem; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ padding: .3rem .8rem; border-bottom: 1px solid #d8dee4; }}
th {{ text-align: left; }} td.n {{ text-align: right; font-variant-numeric: tabular-nums; }}
.figures {{ display: flex; flex-wrap: wrap; gap: 1rem; }} .figures svg {{ max-width: 100%; height: auto; }}
pre {{ background: #f6f8fa; padding: 1rem; overflow-x: auto; font-size: 13px; border-radius: 6px; }}
</style>
<h1>{title}</h1>
<p class="sub">{subtitle}</p>
<h2>Scores</h2>
{scores}
<div class="figures">{figures}</div>
<h2>The most confident errors ({split})</h2>
{errors}
<h2>Run</h2>
<pre>{summary}</pre>
</html>
"""
ERRORS = 10


def write_report(
    folder: Path, results: "Mapping[str, Evaluation]", summary: Mapping[str, Any], *, history: Path
) -> None:
    """Write report.html and figures for the evaluated splits; `history` is the CSV logger's folder."""
    split, last = list(results.items())[-1]
    figures = {"confusion_matrix": confusion_figure(last.confusion, last.labels, split)}
    if rows := read_history(history):
        figures["learning_curves"] = curves_figure(rows)
    drawn = {name: _svg(figure) for name, figure in figures.items()}
    page = PAGE.format(
        title=html.escape(summary["run_name"]),
        subtitle=html.escape(f"{Path(summary['backbone']).name} · {', '.join(last.labels)} · seed {summary['seed']}"),
        scores=scores_table({name: result.scores for name, result in results.items()}),
        figures="".join(drawn.values()),
        split=split,
        errors=errors_table(last),
        summary=html.escape(json.dumps(summary, indent=2)),
    )
    with replacing(folder) as temporary:
        temporary.mkdir()
        for name, svg in drawn.items():
            (temporary / f"{name}.svg").write_text(svg, encoding="utf-8")
        (temporary / "report.html").write_text(page, encoding="utf-8")


def scores_table(scores: Mapping[str, Mapping[str, float]]) -> str:
    names = list(next(iter(scores.values())))
    rows = [[name, *(f"{values[name]:.4f}" for values in scores.values())] for name in names]
    return _table(["metric", *scores], rows)


def errors_table(result: "Evaluation") -> str:
    rows = zip(result.split.texts, result.split.labels, result.predictions, strict=True)
    wrong = [(text, label, p) for text, label, p in rows if p.label != label]
    wrong.sort(key=lambda row: -row[2].score)
    return _table(
        ["text", "label", "predicted", "score"],
        [[text[:300], label, p.label, f"{p.score:.3f}"] for text, label, p in wrong[:ERRORS]],
    )


def confusion_figure(matrix: Sequence[Sequence[int]], labels: Sequence[str], split: str) -> "Figure":
    figure, axes = _figure(4.5, 4)
    axes.imshow(matrix, cmap="Blues")
    axes.set(xlabel="predicted", ylabel="label", title=f"confusion matrix ({split})")
    axes.set_xticks(range(len(labels)), labels, rotation=30, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    darkest = max(map(max, matrix))
    for i, row in enumerate(matrix):
        for j, count in enumerate(row):
            axes.text(
                j,
                i,
                f"{count:,}",
                ha="center",
                va="center",
                color="white" if count > darkest / 2 else "black",
            )
    return figure


def read_history(folder: Path) -> list[dict[str, str]]:
    """The rows of the CSV logger, one file for each start of a resumed run; [] where there is none."""
    rows: list[dict[str, str]] = []
    for path in sorted(folder.glob("version_*/metrics.csv"), key=lambda path: int(path.parent.name.rpartition("_")[2])):
        with path.open(newline="", encoding="utf-8") as file:
            rows += csv.DictReader(file)
    return rows


def curves_figure(rows: Sequence[Mapping[str, str]]) -> "Figure":
    """Training loss, validation loss and validation accuracy by step."""
    figure, axes = _figure(6, 4)
    for name, style in {"train/loss": "-", "validation/loss": "o-", "validation/accuracy": "s--"}.items():
        points = [(int(row["step"]), float(row[name])) for row in rows if row.get(name)]
        if points:
            axes.plot(*zip(*points, strict=True), style, label=name, markersize=4)
    axes.set(xlabel="step", ylim=(0, None), title="learning curves")
    axes.legend()
    return figure


def _figure(width: float, height: float) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: "Figure") -> str:
    buffer = StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()[buffer.getvalue().index("<svg") :]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def cell(value: str) -> str:
        number = value.replace(".", "", 1).isdigit()
        return f'<td class="n">{value}</td>' if number else f"<td>{html.escape(value)}</td>"

    header = "".join(f"<th>{html.escape(name)}</th>" for name in head)
    body = "\n".join(f"<tr>{''.join(map(cell, row))}</tr>" for row in rows)
    return f"<table><tr>{header}</tr>\n{body}</table>"
