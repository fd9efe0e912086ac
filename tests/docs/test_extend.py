"""Each example of docs/pages/how-to/extend.md, as it stands there, with a small backbone."""

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from sentiment.cli import main
from sentiment.evaluation import metrics
from sentiment.inference import preprocessing, runtimes
from sentiment.inference.predictor import Predictor
from tests.conftest import ROOT, read_csv, read_json, write_csv

PAGE = (ROOT / "docs" / "pages" / "how-to" / "extend.md").read_text(encoding="utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
FILE = re.compile(r"```\w+ title=\"([^\"]+)\"\n(.*?)```", re.DOTALL)


def files(section: str) -> dict[str, str]:
    return dict(FILE.findall(SECTIONS[section]))


def commands(section: str) -> list[list[str]]:
    """The words of each command, without variables before it."""
    lines = re.findall(r"```bash\n(.*?)```", SECTIONS[section], re.DOTALL)[0].splitlines()
    return [[word for word in shlex.split(line) if not re.fullmatch("[A-Z_]+=.*", word)] for line in lines]


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    """A working folder on the path of Python, as PYTHONPATH=. puts it there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture
def small(tiny_backbone, corpus):
    """Overrides that make a training of the page a matter of seconds."""
    return [f"model.backbone={tiny_backbone}", "data.max_length=32", "data.batch_size=8", "trainer.max_epochs=1"]


def test_every_seam_has_a_section():
    assert list(SECTIONS) == [
        "A loss",
        "A metric",
        "A source of data",
        "A command",
        "A backbone",
        "A runtime",
        "A kind of label",
    ]


@pytest.mark.slow
def test_a_loss(in_folder, small, corpus):
    [(name, text)] = files("A loss").items()
    (in_folder / name).write_text(text)
    [[_, *words]] = commands("A loss")
    main([*words, *small, f"data.dir={corpus}", "after_training.convert.runtime=torch"])
    assert read_json(Path("outputs/hinge/metrics.json"))["test"]["accuracy"] >= 0


@pytest.mark.slow  # evaluation/test_metrics.py trains with a record too
def test_a_metric(in_folder, small, corpus, monkeypatch):
    monkeypatch.setattr(metrics, "METRICS", [*metrics.METRICS])
    [(name, text)] = files("A metric").items()
    assert (ROOT / name).is_file()
    exec(text, vars(metrics))
    (_, *train), (_, *leaderboard) = commands("A metric")
    main([*train, *small, f"data.dir={corpus}", "after_training.convert.runtime=torch"])
    assert -1 <= read_json(Path("outputs/mcc/metrics.json"))["test"]["mcc"] <= 1
    assert "Matthews correlation" in Path("outputs/mcc/report/report.html").read_text()
    main(leaderboard)
    assert "validation_mcc" in Path("outputs/leaderboard.csv").read_text()


@pytest.mark.slow
def test_a_source_of_data(in_folder, small, monkeypatch):
    [(name, text)] = files("A source of data").items()
    (in_folder / name).write_text(text)
    with closing(sqlite3.connect("reviews.db")) as connection, connection:
        connection.execute("create table reviews (id integer primary key, text, label)")
        rows = [(f"{'good' if i % 2 else 'bad'} film {i}", "positive" if i % 2 else "negative") for i in range(48)]
        connection.executemany("insert into reviews (text, label) values (?, ?)", rows)
    (_, *train), (_, *evaluate) = commands("A source of data")
    main([*train, *small, "data.validation_fraction=0.25", "after_training.convert.runtime=torch"])
    assert read_json(Path("outputs/reviews/run_summary.json"))["data"]["train"]["rows"] == 36
    with pytest.raises(SystemExit):  # until it is allowed by name
        main(evaluate)
    monkeypatch.setenv("SENTIMENT_ALLOW_TARGETS", "my_data.Reviews")
    main(evaluate)
    assert len(read_csv(Path("outputs/reviews/evaluation/validation/predictions.csv"))) == 12


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, tiny_backbone):
    """A copy of the checkout with the files of the page, and a way to run a command in it."""
    root = tmp_path_factory.mktemp("checkout")
    for part in ("src", "conf", "handlers", "data"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    for section in ("A command", "A backbone"):
        for name, text in files(section).items():
            (root / name).write_text(text)
    shutil.copytree(tiny_backbone, root / "backbones" / "ours")
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "sentiment", *words],
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.root = root
    return run


@pytest.mark.slow
def test_a_command(checkout):
    assert "\n  count-labels count the labels of labelled texts\n" in checkout("--help")
    [[_, *words]] = commands("A command")
    assert "train: {'" in checkout(*words)
    assert "most: 10" in checkout("count-labels", "--help")


@pytest.mark.slow
def test_a_backbone(checkout):
    [[_, *words]] = commands("A backbone")
    checkout(
        *words, "after_training.convert.runtime=torch", "after_training.baseline=false", "after_training.test=false"
    )
    assert (checkout.root / "outputs" / "ours" / "metrics.json").is_file()


def test_a_runtime(tiny_copy, in_folder, monkeypatch):
    monkeypatch.setattr(preprocessing, "RUNTIMES", names := [*preprocessing.RUNTIMES])
    monkeypatch.setattr(runtimes, "RUNTIMES", names)
    monkeypatch.setattr(runtimes, "CLASSES", dict(runtimes.CLASSES))
    monkeypatch.setattr("sentiment.inference.loading.CLASSES", runtimes.CLASSES)
    [(name, text)] = files("A runtime").items()
    assert (ROOT / name).is_file()
    exec(text, vars(runtimes))
    write_csv(in_folder / "FILE.csv", [("good film",), ("bad meal",)], header=("text",))
    for _, *words in commands("A runtime"):
        main([word.replace("outputs/RUN", str(tiny_copy)) for word in words])
    assert read_json(tiny_copy / "export" / "preprocessing.json")["runtime"] == "torch-bf16-cpu"
    assert type(Predictor.load(tiny_copy).compute).__name__ == "CpuBf16Runtime"
    assert [row["prediction"] for row in read_csv(in_folder / "OUT.csv")] == ["positive", "negative"]
