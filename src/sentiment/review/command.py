"""`sentiment review`: rows of a run's data that are probably labelled wrong."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge

from sentiment.console import console, interruptible
from sentiment.data.csv_output import write_csv
from sentiment.data.module import SentimentData
from sentiment.data.splits import Split
from sentiment.errors import ConfigError, InterruptedRunError
from sentiment.evaluation.evaluate import choose_split, has_changed, read, run_data
from sentiment.files import write_json
from sentiment.inference.export_dir import labels_of
from sentiment.inference.pairs import display
from sentiment.inference.predictor import Predictor
from sentiment.inference.wording import count
from sentiment.remote import check_folder
from sentiment.review import heads, refit
from sentiment.review.confident import Floats, Indices, Noise, margins, measure, suspects
from sentiment.review.work import Work, working
from sentiment.run_dir import Run

log = logging.getLogger(__name__)

Method = Literal["heads", "refit"]
FOLDS, SEED = 5, 0
SHOWN = 5  # suspects printed


def review(
    *,
    run: Path,
    split: Literal["train", "validation", "test"] = "train",
    method: Method | None = None,
    folds: Annotated[int, Ge(2)] | None = None,
    output: Path | None = None,
) -> None:
    """Write suspects.csv and summary.json, the likely label errors of a split first.

    Args:
        run: A run directory.
        split: Of the run's data. For validation and test the run's own model answers, which has not trained on them.
        method: For train: "heads" (logistic regression on the pretrained backbone's vectors, the default) or "refit"
            (the run's training, once for each fold).
        folds: For train; 5 by default.
        output: A folder; None: outputs/review/<run>.

    Raises:
        ConfigError: A key that can do nothing, or a run whose texts have several labels.
        InterruptedRunError: Ctrl-C or SIGTERM came; the same command goes on.
    """
    folder = Path(run)
    Run.open(folder)
    target = Path(output) if output else Path("outputs", "review", folder.resolve().name)
    check_folder(target)
    for key, value in (("method", method), ("folds", folds)):
        if split != "train" and value is not None:
            raise ConfigError(
                f"{key}={value} is for split=train; the run's own model answers for {split}, leave it out"
            )
    data = run_data(folder)
    splits = read(data, folder, labels_of(folder / "export"))
    assert data
    rows = choose_split(splits, split)
    given = label_indices(rows, data.labels)
    if has_changed(folder, split, rows):
        log.warning(
            "the %s texts or labels have changed since this run was trained on them; reviewed as they are now", split
        )
    settings = {"sha256": rows.fingerprint(), "split": split, "method": method or "heads", "folds": folds or FOLDS}
    settings |= {"backbone": data.backbone, "run": str(folder.resolve()), "preprocessing": data.preprocessing.to_json()}
    try:
        with interruptible(), working(target, settings) as work:
            if split == "train":
                how: dict[str, Any] = {"method": settings["method"], "folds": settings["folds"]}
                probabilities = out_of_fold(folder, data, splits, given, work, **how)
            else:
                how = {"method": "model"}
                probabilities = own_answers(folder, rows, data.labels)
            write(target, rows, data.labels, given, probabilities, {"run": str(folder), "split": split, **how})
    except KeyboardInterrupt as error:
        raise InterruptedRunError("stopped; the same command goes on from here") from error


def label_indices(rows: Split, labels: Sequence[str]) -> Indices:
    """Return the place of each row's label in the label set. Raises ConfigError where a row may have several."""
    if any(isinstance(label, tuple) for label in rows.labels):
        raise ConfigError("the texts of this run have several labels each, and a review is of one label a text")
    return np.array([labels.index(str(label)) for label in rows.labels])


def out_of_fold(
    run: Path, data: SentimentData, splits: dict[str, Split], given: Indices, work: Work, *, method: Method, folds: int
) -> Floats:
    """Return the out-of-fold probabilities of the training rows `(N, K)`."""
    from sklearn.model_selection import StratifiedKFold

    if (fewest := int(np.bincount(given).min())) < folds:
        label = data.labels[int(np.bincount(given).argmin())]
        raise ConfigError(
            f"folds={folds}: the label {label!r} has {fewest} rows; add some, or set folds={max(fewest, 2)}"
        )
    parts = StratifiedKFold(folds, shuffle=True, random_state=SEED).split(np.zeros(len(given)), given)
    held: Sequence[Indices] = [test for _, test in parts]
    if method == "heads":
        return heads.out_of_fold(data, splits["train"].inputs, given, held, work)
    return refit.out_of_fold(run, data, splits, given, held, work)


def own_answers(run: Path, rows: Split, labels: Sequence[str]) -> Floats:
    with Predictor.load(run) as predictor:
        answers = predictor.predict(rows.inputs)
    return np.array([[answer.probabilities[label] for label in labels] for answer in answers])


def write(
    target: Path, rows: Split, labels: Sequence[str], given: Indices, probabilities: Floats, how: dict[str, Any]
) -> None:
    """Write suspects.csv and summary.json, and print what they say."""
    found, noise = suspects(probabilities, given), measure(probabilities, given, seed=SEED)
    others = probabilities.copy()
    others[np.arange(len(given)), given] = -1
    suggested, margin = others.argmax(axis=1), margins(probabilities, given)
    aspects = [] if rows.aspects is None else ["aspect"]
    header = ["rank", "row", "text", *aspects, "label", "suggested", "probability", "margin"]
    table = [
        (
            *(rank, int(i) + 1, rows.texts[i], *([rows.aspects[i]] if rows.aspects is not None else [])),
            *(labels[given[i]], labels[suggested[i]]),
            *(f"{probabilities[i, suggested[i]]:.4f}", f"{margin[i]:.4f}"),
        )
        for rank, i in enumerate(found, 1)
    ]
    write_csv(target / "suspects.csv", [header, *table])
    accuracy = float((probabilities.argmax(axis=1) == given).mean())
    write_json(target / "summary.json", {**how, **summarize(noise, labels, len(given), len(found), accuracy)})
    low, high = noise.interval
    likely = min(len(found), round(noise.share * len(given)))
    console.print(
        f"{count(len(found), 'suspect') if len(found) else 'no suspects'} among {len(given):,} {how['split']} rows"
        f"{', the likeliest first' if len(found) > 1 else ''}; about {noise.share:.1%} of the labels are wrong "
        f"(95 % interval {low:.1%} to {high:.1%})" + (f", so the first {likely:,} are worth reading" if likely else ""),
        highlight=False,
        soft_wrap=True,
    )
    for i in found[:SHOWN]:
        line = f"  {labels[given[i]]} -> {labels[suggested[i]]} {probabilities[i, suggested[i]]:.2f}  "
        console.print(line + display(rows.inputs[i])[:90], highlight=False, markup=False, soft_wrap=True)
    page = "" if aspects or not len(found) else "; the tab Label of sentiment ui walks through it"
    console.print(f"{target / 'suspects.csv'}   (summary.json{page})", highlight=False, soft_wrap=True)


def summarize(noise: Noise, labels: Sequence[str], rows: int, suspects: int, accuracy: float) -> dict[str, Any]:
    return {
        "rows": rows,
        "suspects": suspects,
        "accuracy": round(accuracy, 6),  # of the out-of-sample answers, held against the given labels
        "noise": {"share": round(noise.share, 6), "interval": [round(bound, 6) for bound in noise.interval]},
        "confident_joint": {
            "share": round(noise.joint_share, 6),
            "given": {
                name: {other: round(float(value), 6) for other, value in zip(labels, line, strict=True)}
                for name, line in zip(labels, noise.joint, strict=True)
            },
        },
    }
