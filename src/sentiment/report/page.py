"""The page: what it shows is gathered here, how it looks is page.html and page.css."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment import metrics
from sentiment.files import read_json_if_any, replacing
from sentiment.report import figures, tables
from sentiment.report.history import learning_curves, length_histogram, read_history

if TYPE_CHECKING:
    from sentiment.evaluation import Results

HERE = Path(__file__).parent


def write_report(folder: Path, results: "Results", *, run: Path, own: bool = True) -> None:
    """Write report.html and its figures to `folder`; what the run's own files tell is read from `run`.

    `own` says that the scored texts are of the run's own data, so that its data report speaks of them.
    """
    page = gather(results, run=run, own=own)
    with replacing(folder, marker="report.html") as temporary:
        temporary.mkdir(parents=True)
        for figure in page["figures"].values():
            (temporary / f"{figure.name}.svg").write_text(figure.svg, encoding="utf-8")
        (temporary / "report.html").write_text(render(page), encoding="utf-8")


def gather(results: "Results", *, run: Path, own: bool) -> dict[str, Any]:
    """Everything that page.html names."""
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
        "verdict": tables.verdict(split, last, results.baseline.get(split)),
        "meanings": {metric.title: metric.meaning for metric in metrics.METRICS},
        "tiles": tables.tiles(last),
        "scores": {
            name: tables.scores(result, results.baseline.get(name))
            for name, result in reversed(results.evaluations.items())
        },
        "baseline": bool(results.baseline),
        "confusion": tables.confusion(last),
        "calibration": tables.calibration(last),
        "errors": tables.errors(last),
        "data": data,
        "figures": {figure.name: figure for figure in drawn if figure},
        "summary": read_json_if_any(run / "run_summary.json"),
        "command": command(run),
        "config": read_text(run / ".hydra" / "config.yaml"),
        "css": (HERE / "page.css").read_text(encoding="utf-8"),
    }


def render(page: Mapping[str, Any]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html").render(page)


def command(run: Path) -> str | None:
    """The line that repeats a run."""
    from yaml import safe_load

    overrides = read_text(run / ".hydra" / "overrides.yaml")
    return None if overrides is None else " ".join(["python train.py", *(safe_load(overrides) or [])])


def read_text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
