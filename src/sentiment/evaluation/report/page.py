"""Report page: collects what page.html and page.css present."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.evaluation import metrics
from sentiment.evaluation.report import figures, tables
from sentiment.evaluation.report.history import learning_curves, length_histogram, read_history
from sentiment.evaluation.report.template import css, render
from sentiment.evaluation.report.verdict import verdict
from sentiment.files import read_json_if_any, replacing
from sentiment.inference.fidelity import chosen_runtime

if TYPE_CHECKING:
    from sentiment.evaluation.results import Results

OF_A_LAUNCH = ("run_name", "resume", "hparams_search")  # overrides that differ in a repeated run


def write_report(folder: Path, results: "Results", *, run: Path, own: bool = True) -> None:
    """Write report.html with its figures; `own` adds the data report and the learning curves of the run."""
    page = gather(results, run=run, own=own)
    with replacing(folder, marker="report.html") as temporary:
        temporary.mkdir(parents=True)
        for figure in page["figures"].values():
            (temporary / f"{figure.name}.svg").write_text(figure.svg, encoding="utf-8")
        (temporary / "report.html").write_text(render(Path(__file__).parent, page), encoding="utf-8")


def gather(results: "Results", *, run: Path, own: bool) -> dict[str, Any]:
    """Collect all variables of page.html."""
    split, last = results.last
    data = read_json_if_any(run / "data_report.json") if own else None
    drawn = [figures.roc(last), figures.precision_recall(last), figures.calibration(last), figures.length(last)]
    if own:
        drawn += learning_curves(read_history(run / "logs"))
    if data:
        drawn.append(length_histogram(data))
    return {
        "title": run.name,
        "split": split,
        "result": last,
        "verdict": verdict(split, last, results.baseline.get(split)),
        "meanings": {metric.title: metric.meaning for metric in metrics.of_task(last.decoding.kind)},
        "tiles": tables.tiles(last),
        "scores": {
            name: tables.scores(result, results.baseline.get(name))
            for name, result in reversed(results.evaluations.items())
        },
        "baseline": bool(results.baseline),
        "behaviour": tables.behaviour(results.behaviour),
        "labels": tables.labels(last),
        "confusion": tables.confusion(last),
        "confused": tables.confused(last),
        "many": len(last.labels) > tables.MANY,
        "calibration": tables.calibration(last),
        "errors": tables.errors(last),
        "data": data,
        "figures": {figure.name: figure for figure in drawn if figure},
        "runtime": chosen_runtime(run),
        "summary": read_json_if_any(run / "run_summary.json"),
        "command": command(run),
        "config": read_text(run / ".hydra" / "config.yaml"),
        "css": css(),
    }


def command(run: Path) -> str | None:
    """Return the command that trains the run again, under a new name, from the folder it was started in."""
    from yaml import safe_load

    overrides = read_text(run / ".hydra" / "overrides.yaml")
    if overrides is None:
        return None
    kept = [word for word in safe_load(overrides) or [] if word.lstrip("+~").partition("=")[0] not in OF_A_LAUNCH]
    return shlex.join(["python", "train.py", *kept])


def read_text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
