"""The texts and the models that are measured: real data where it is at hand, else the embedded corpus."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy.stats import binomtest

from sentiment.config.resources import bundled
from sentiment.errors import ModelError
from sentiment.inference.predictor import Predictor

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}  # of the processes that are measured
SHARED = ROOT.parent / "shared" / "data"
LONG = 256  # tokens
CHECKED = 200  # texts on which a model must be better than chance
JOINED = 16  # short texts of one label that stand in for a review


@dataclass(frozen=True)
class Material:
    name: str
    train: pd.DataFrame  # text, label
    test: pd.DataFrame
    max_length: int
    run: Path  # a finished run of it

    @property
    def export(self) -> Path:
        return self.run / "export"


def short(folder: Path, run: Path | None, *, texts: int | None) -> Material:
    """SST-2, or the embedded corpus; `run` or a model trained on `texts` of it for an epoch."""
    source = SHARED / "sst2"
    name, base = ("SST-2", source) if source.is_dir() else ("demo", bundled("data/demo"))
    train, test = (pd.read_csv(base / f"{split}.csv")[["text", "label"]] for split in ("train", "test"))
    return better_than_chance(Material(name, train, test, 64, run or trained(folder / "short", train, test, 64, texts)))


def long(folder: Path, run: Path | None, *, texts: int) -> Material:
    """Reviews of IMDB, or embedded texts joined to the length of reviews."""
    source = SHARED / "imdb"
    if source.is_dir():
        name, parts = "IMDB", [pd.read_parquet(source / f"{split}.parquet") for split in ("train", "test")]
        parts = [part.sample(frac=1.0, random_state=0)[["text", "label"]].reset_index(drop=True) for part in parts]
    else:
        base = bundled("data/demo")
        name, parts = "demo, joined", [joined(pd.read_csv(base / f"{split}.csv")) for split in ("train", "test")]
    train, test = parts
    own = run or trained(folder / "long", train, test, LONG, texts)
    return better_than_chance(Material(name, train, test, LONG, own))


def better_than_chance(material: Material) -> Material:
    """Return the material. Raises ModelError if its model is right no more often than the commonest label alone.

    The answers of such a model agree in every runtime, whatever the runtime gets wrong.
    """
    rows = material.test.sample(min(CHECKED, len(material.test)), random_state=0)
    answers = [one.label for one in Predictor.load(material.run).predict(list(rows["text"]))]
    right = sum(a == b for a, b in zip(answers, rows["label"].astype(str), strict=True))
    commonest = rows["label"].value_counts(normalize=True).iloc[0]
    if binomtest(right, len(rows), commonest, alternative="greater").pvalue > 0.01:
        raise ModelError(
            f"{material.run} is no better than chance on {material.name}: {right / len(rows):.3f} of {len(rows)} texts "
            f"right, the commonest label alone {commonest:.3f}; what agrees with such a model says nothing; name "
            "a run that learned (--run, --long-run), or delete this one to have it trained again"
        )
    return material


def joined(rows: pd.DataFrame) -> pd.DataFrame:
    found = []
    for label, group in rows.groupby("label"):
        texts = list(group["text"])
        found += [(" ".join(texts[at : at + JOINED]), label) for at in range(0, len(texts), JOINED)]
    return pd.DataFrame(found, columns=["text", "label"]).sample(frac=1.0, random_state=0).reset_index(drop=True)


def trained(folder: Path, train: pd.DataFrame, test: pd.DataFrame, max_length: int, texts: int | None) -> Path:
    """An epoch with the real command, kept for the next time."""
    run = folder / "run"
    if (run / "metrics.json").is_file():
        return run
    folder.mkdir(parents=True, exist_ok=True)
    some = train if texts is None else train.head(texts)
    some.to_csv(folder / "train.csv", index=False)
    test.head(500).to_csv(folder / "test.csv", index=False)
    command = [
        sys.executable,
        str(ROOT / "train.py"),
        "data=files",
        f"data.dir={folder}",
        "after_training.baseline=false",
    ]
    command += ["model.lr=2e-4"]  # learns in some twenty steps
    command += [f"data.max_length={max_length}", "trainer.max_epochs=1", "run_name=run", f"paths.output_dir={folder}"]
    subprocess.run([*command, f"paths.cache={folder}/cache"], check=True, cwd=ROOT)
    return run
