"""`sentiment evaluate`: score a finished run on its own or other labelled texts."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

from sentiment.config.targets import instantiate_saved
from sentiment.console import console
from sentiment.data.module import SentimentData
from sentiment.data.splits import Split
from sentiment.errors import ConfigError, SentimentError
from sentiment.evaluation.behaviour import Capability, Outcome, judge, read_behaviour
from sentiment.evaluation.comparison import Comparison, compare, read_comparison
from sentiment.evaluation.report.page import write_report
from sentiment.evaluation.results import Results
from sentiment.evaluation.scoring import Evaluation, evaluate
from sentiment.evaluation.terminal import behaviour_table, scores_table
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Cleaning
from sentiment.inference.types import list_labels
from sentiment.remote import check_folder
from sentiment.run_dir import RECORD, SUMMARY, read_result, saved_config

log = logging.getLogger(__name__)


def score_run(
    *,
    run: Path,
    split: str,
    output: Path | None = None,
    data: SentimentData | None = None,
    baseline: bool = True,
    behaviour: Path | None = None,
    exits: bool | None = None,
) -> Results:
    """Score a run's exported model on a split of the run's data, or of `data`, with the run's own preprocessing.

    Columns that `data` does not name are those of the run's own data. The files are written to `output`, by default
    `run`/evaluation/`split`. `exits` is that of `Predictor.from_pretrained`.
    """
    folder = Path(run)
    check_folder(target := Path(output) if output else folder / "evaluation" / split)
    predictor = Predictor.load(folder, exits=exits)
    tests = read_tests(predictor, behaviour)
    own = run_data(folder)
    if data:
        like_run(data, own, predictor)
    rows = choose_split(read(data or own, folder, predictor.labels), split)
    check_aspects(rows, predictor)
    if data is None and has_changed(folder, split, rows):
        log.warning(
            "the %s texts or labels have changed since this run was trained; they are scored as they are now%s",
            split,
            ", and may be texts that it has learned" if split == "validation" else "",
        )
    log.info("scoring %d %s text%s", len(rows), split, "s" * (len(rows) != 1))
    result = evaluate(predictor, rows, predictor.labels, temperature=predictor.preprocessing.temperature)
    found = reference(folder, own, split, result, predictor.preprocessing.cleaning) if baseline else {}
    results = Results({split: result}, found, judge(tests, predictor.predict))
    write_report(target / "report", results, run=folder, own=data is None)
    results.write(target)
    log.info("written to %s (report/report.html, metrics.json, predictions.csv)", target)
    return results


@wraps(score_run, assigned=["__annotations__"], updated=[])  # Hydra checks the keys of conf/evaluate.yaml by it
def evaluate_run(**settings: Any) -> Evaluation:
    """Score a run as `score_run` does, and print the scores."""
    results = score_run(**settings)
    console.print(scores_table(results))
    if results.behaviour:
        console.print(behaviour_table(results.behaviour))
    return results.last[1]


def like_run(data: SentimentData, own: SentimentData | None, predictor: Predictor) -> None:
    """Read texts as the run's own: cleaned as those, of one label or several, from the same columns by default."""
    form, multi = data.label_form, predictor.decoding.kind == "multi"
    data.preprocessing = replace(data.preprocessing, cleaning=predictor.preprocessing.cleaning)
    if form.multi and not multi:
        raise ConfigError("data.multi_label=true: the texts of this run have one label each; leave it out")
    if own:
        data.text_column = data.text_column or own.text_column
        data.aspect_column = data.aspect_column or own.aspect_column
        data.default_aspect = data.default_aspect or own.default_aspect
        if not form.columns and data.label_column is None:
            data.label_column = own.label_column
            form = replace(form, columns=own.label_form.columns)
        form = replace(form, separator=form.separator or (None if form.columns else own.label_form.separator))
    data.label_form = replace(form, multi=multi)


def behave(predictor: Predictor, folder: Path | None) -> list[Outcome]:
    """Run the behaviour tests of a folder."""
    return judge(read_tests(predictor, folder), predictor.predict)


def read_tests(predictor: Predictor, folder: Path | None) -> list[Capability]:
    """Read the behaviour tests of a folder; those that need a label that the model does not have are left out."""
    if folder is None:
        return []
    aspects = predictor.preprocessing.aspects
    capabilities = read_behaviour(Path(folder), predictor.labels, aspects=aspects)
    if not capabilities:
        what = "a model that reads aspects, with the labels" if aspects else "the labels"
        log.warning("no behaviour test of %s fits %s %s", folder, what, list_labels(predictor.labels))
    return capabilities


def run_data(run: Path) -> SentimentData | None:
    """Build the data of a run from its saved config; None for a bare export. Raises ConfigError if it builds none."""
    saved = saved_config(run)
    if saved is None:
        return None
    source = str(run / RECORD / "config.yaml")
    module = instantiate_saved(saved, "data", source=source)
    if not isinstance(module, SentimentData):
        raise ConfigError(f"{source}: data._target_ makes no SentimentData; restore it")
    return module


def read(source: SentimentData | None, run: Path, labels: list[str]) -> dict[str, Split]:
    if source is None:
        raise ConfigError(f"{run} has no .hydra/config.yaml; name a run directory, outputs/<run>, or give data=...")
    return source.read(labels=labels)


def has_changed(run: Path, name: str, rows: Split) -> bool:
    """Say whether a split of a run's data is another one than when it was trained; False for a bare export."""
    if not (run / SUMMARY).is_file():
        return False
    known: Mapping[str, Any] = read_result(run, SUMMARY).get("data", {}).get(name, {})
    return known.get("sha256") != rows.fingerprint()


def choose_split(splits: Mapping[str, Split], name: str) -> Split:
    if not splits:
        raise ConfigError("the data has no labels to hold answers against; sentiment predict takes texts without")
    if name not in splits:
        raise ConfigError(f"split={name}: the data has {', '.join(splits)}")
    return splits[name]


def check_aspects(rows: Split, predictor: Predictor) -> None:
    """Raise ConfigError if the data has aspects and the model reads none, or the other way round."""
    own = predictor.preprocessing
    if rows.aspects is not None and not own.aspects:
        raise ConfigError("this model reads no aspects; leave data.aspect_column out")
    if rows.aspects is None and own.aspects and not own.default_aspect:
        raise ConfigError("this model reads each text with an aspect; name their column with data.aspect_column")


def reference(
    run: Path, own: SentimentData | None, split: str, result: Evaluation, cleaning: Cleaning
) -> dict[str, Comparison]:
    """Return the baseline's comparison on the scored texts, stored in the run or trained anew on its train split.

    Empty if that split cannot be read any more.
    """
    if known := read_comparison(run, result.split):
        return {split: known}
    try:
        train = read(own, run, result.labels)["train"]
    except (SentimentError, KeyError) as error:
        log.warning("no baseline beside the scores: the run's training texts cannot be read (%s)", error)
        return {}
    if has_changed(run, "train", train):
        log.warning("the train texts or labels have changed since this run was trained; the baseline learns these")
    log.info("training the baseline on %d texts", len(train))
    return compare({split: result}, train, cleaning)
