"""Out-of-fold probabilities by training the run once more for each fold, with its own config."""

import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf, open_dict

from sentiment.data.module import SentimentData
from sentiment.data.splits import Split
from sentiment.errors import ConfigError
from sentiment.files import write_text
from sentiment.inference.predictor import Predictor
from sentiment.review.confident import Floats, Indices
from sentiment.review.work import Work
from sentiment.run_dir import RECORD, saved_config
from sentiment.training.launch import check_saved, fit_run
from sentiment.training.resuming import LAST, starting_point

log = logging.getLogger(__name__)

UNSET = (  # keys of the data that say where and how the run's own files are read
    *("source", "hub", "hub_config", "revision", "dir", "test", "unlabelled", "label_map"),
    *("separator", "encoding", "quoting", "columns"),
)


def out_of_fold(
    run: Path, data: SentimentData, splits: dict[str, Split], given: Indices, folds: Sequence[Indices], work: Work
) -> Floats:
    """Return a probability of each label for each text, by a model that was trained on the other folds.

    Its epochs are compared on the run's own validation split.

    Raises:
        ConfigError: The run was trained in several processes.
    """
    train, probabilities = splits["train"], np.zeros((len(given), len(data.labels)))
    for number, held in enumerate(folds):
        others = np.setdiff1d(np.arange(len(given)), held)

        def compute(number: int = number, held: Indices = held, others: Indices = others) -> Floats:
            log.info("fold %d of %d: training on %d texts", number + 1, len(folds), len(others))
            folder = work.folder / f"fold-{number}"
            fit_fold(run, folder, data.labels, train.take([*map(int, others)]), splits["validation"])
            with Predictor.load(folder) as predictor:
                answers = predictor.predict(train.take([*map(int, held)]).inputs)
            shutil.rmtree(folder)
            return np.array([[answer.probabilities[label] for label in data.labels] for answer in answers])

        probabilities[held] = work.once(f"fold-{number}", compute)
    return probabilities


def fit_fold(run: Path, folder: Path, labels: Sequence[str], train: Split, validation: Split) -> None:
    """Train in `folder` on these rows, or go on there."""
    saved = saved_config(run)
    if saved is None:
        raise ConfigError(f"{run} has no {RECORD}/config.yaml; name a run directory, outputs/<run>")
    files = {"train": train, "validation": validation}
    for name, split in files.items():
        write_text(folder / f"{name}.jsonl", lines(split))
    with open_dict(saved):
        saved.resume, saved.run_name, saved.logger = None, folder.name, {}
        saved.data.update(dict.fromkeys(UNSET))
        saved.data.update({name: str(folder / f"{name}.jsonl") for name in files})
        saved.data.update({"text_column": "text", "label_column": "label", "labels": list(labels)})
        saved.data.update({"dedupe": "none", "drop_leaks": "none", "skip_bad_rows": False})
        saved.data.aspect_column = None if train.aspects is None else "aspect"
        saved.after_training.update({"convert": None, "test": False, "baseline": False, "behaviour": None})
        if saved.model.get("teacher"):
            log.warning("the folds are trained without model.teacher, which may have seen the labels under review")
            saved.model.teacher = None
    if saved.trainer.devices not in (1, "1", "auto"):
        raise ConfigError(
            f"method=refit trains in one process, and {run} had {saved.trainer.devices}; use method=heads"
        )
    with output_folder(folder):
        check_saved(saved, [])
        fit_run(saved, folder, starting_point(folder, resume=(folder / LAST).is_file()), False)


def lines(split: Split) -> str:
    columns = {"text": split.texts, "label": split.labels} | ({"aspect": split.aspects} if split.aspects else {})
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return "".join(json.dumps(row) + "\n" for row in rows)


@contextmanager
def output_folder(folder: Path) -> Iterator[None]:
    """Resolve `${hydra:runtime.output_dir}` of the run's config to `folder` within the block."""
    current: Any = HydraConfig.instance()
    before = current.cfg
    current.cfg = OmegaConf.create({"hydra": {"runtime": {"output_dir": str(folder.absolute())}}})
    try:
        yield
    finally:
        current.cfg = before
