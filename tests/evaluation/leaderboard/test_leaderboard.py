"""Leaderboards of run directories: what differs, means over seeds, states, figures."""

import csv
import re

import optuna
import pytest
from omegaconf import OmegaConf

from sentiment import run_dir as runs
from sentiment.cli import main
from sentiment.errors import ConfigError
from sentiment.evaluation.leaderboard import sweep_report
from sentiment.evaluation.leaderboard.groups import mean
from sentiment.evaluation.leaderboard.trials import find, keys
from sentiment.files import write_json
from tests.conftest import read_csv


def make_run(folder, *overrides, accuracy=None, **choices):
    """A run directory as training leaves it, but for its weights: `overrides` of model.lr and seed."""
    given = dict(override.split("=") for override in overrides)
    cfg = OmegaConf.create({"model": {"lr": float(given.get("model.lr", 1e-4))}, "seed": int(given.get("seed", 42))})
    hydra = {"overrides": {"task": list(overrides)}, "runtime": {"choices": {"data": "demo", **choices}}}
    runs.start(folder, cfg, OmegaConf.create(hydra))
    if accuracy is not None:
        write_json(folder / "metrics.json", {"validation": {"loss": 1 - accuracy, "accuracy": accuracy}})
        write_json(
            folder / "run_summary.json", {"duration_seconds": 10.0 * given.get("seed", "0").count("1"), "best_epoch": 2}
        )


@pytest.fixture
def sweep(tmp_path):
    for number, (lr, seed, accuracy) in enumerate(
        [("1e-5", 0, 0.7), ("1e-5", 1, 0.8), ("3e-5", 0, 0.9), ("3e-5", 1, 0.8)]
    ):
        make_run(tmp_path / str(number), f"model.lr={lr}", f"seed={seed}", "data=demo", accuracy=accuracy)
    return tmp_path


def test_a_mean_has_students_interval():
    three = mean([0.8, 0.9, 1.0, None])
    assert (three.value, three.count) == (pytest.approx(0.9), 3)
    assert three.half == pytest.approx(4.30265 * 0.1 / 3**0.5, rel=1e-4)  # t of two degrees of freedom
    assert str(mean([0.5])) == "0.5000"


def test_two_values_are_too_few_for_an_interval():
    two = mean([0.8, 0.9, None])
    assert (two.value, two.half, two.count) == (pytest.approx(0.85), None, 2)
    assert str(two) == "0.8500 (0.8000, 0.9000)"
    assert mean([None]) is None


def test_runs_are_grouped_over_seeds_and_the_best_comes_first(sweep):
    rows = sweep_report(folder=sweep)
    assert [row.settings for row in rows] == [("3e-05",), ("1e-05",)]
    assert [row.validation.value for row in rows] == pytest.approx([0.85, 0.75])
    assert rows[0].seeds == ["0", "1"]
    assert rows[0].seconds == 5.0
    assert [row.settings for row in sweep_report(folder=sweep, metric="loss")] == [("3e-05",), ("1e-05",)]


def test_runs_are_ranked_by_what_most_of_them_were_selected_by(sweep, capfd):
    for number in range(3):
        path = sweep / str(number) / ".hydra" / "config.yaml"
        OmegaConf.save(OmegaConf.merge(OmegaConf.load(path), {"optimized_metric": "loss"}), path)
    main(["sweep-report", str(sweep)])
    [best, _] = read_csv(sweep / "leaderboard.csv")
    assert (best["model.lr"], float(best["validation_loss"])) == ("3e-05", pytest.approx(0.15))
    assert "validation_accuracy" not in best


def test_the_csv_has_the_numbers_and_the_paths(sweep):
    sweep_report(folder=sweep)
    with (sweep / "leaderboard.csv").open(newline="") as file:
        best, other = csv.DictReader(file)
    assert (best["model.lr"], best["n"], best["seeds"], best["states"]) == ("3e-05", "2", "0 1", "finished")
    assert best["validation_accuracy"] == "0.8500000000000001"
    assert best["validation_accuracy_low"] == best["validation_accuracy_high"] == ""
    assert other["paths"].split(";") == [str(sweep / "0"), str(sweep / "1")]


def test_the_page_stands_alone_and_names_every_run(sweep):
    sweep_report(folder=sweep)
    page = (sweep / "leaderboard.html").read_text()
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    for number in range(4):
        assert f'href="{number}/report/report.html"' in page
    assert "0.8500 (0.9000, 0.8000)" in page
    assert "two runs are too few for an interval" in page


def test_unrelated_runs_share_a_table(sweep):
    make_run(sweep / "elsewhere" / "old", "data=imdb", accuracy=0.6, data="imdb")
    trials = find(sweep)
    assert keys(trials) == ["model.lr", "data"]
    rows = sweep_report(folder=sweep)
    assert rows[-1].settings == ("0.0001", "imdb")  # the rate it had without naming it


def test_the_terminal_shows_the_settings_that_fit(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("sentiment.console.console.width", 100)
    for number in range(2):
        chosen = {f"group_number_{i}": f"choice_{number}" for i in range(12)}
        given = [f"{group}={choice}" for group, choice in chosen.items()]
        make_run(tmp_path / str(number), "seed=0", *given, accuracy=0.5 + number / 10, **chosen)
    sweep_report(folder=tmp_path)
    out = " ".join(capfd.readouterr().out.split())
    assert "more settings that differ are in leaderboard.csv" in out
    assert len(read_csv(tmp_path / "leaderboard.csv")[0]) > 12


def test_runs_without_a_result_are_told(sweep, capfd):
    make_run(sweep / "4", "model.lr=5e-5", "seed=0")
    runs.end(sweep / "4", "pruned", "pruned after epoch 2")
    make_run(sweep / "5", "model.lr=7e-5", "seed=0")
    make_run(sweep / "6", "model.lr=3e-5", "seed=2")  # beside two that have scores
    main(["sweep-report", str(sweep)])
    with (sweep / "leaderboard.csv").open(newline="") as file:
        assert {row["model.lr"]: row["n"] for row in csv.DictReader(file)}.items() >= {("3e-05", "2"), ("5e-05", "0")}
    out = capfd.readouterr().out
    assert re.search(r"^pruned +\S*4 +pruned after epoch 2$", out, flags=re.MULTILINE)
    assert "unfinished" in out
    assert "Runs without a result" in (sweep / "leaderboard.html").read_text()


def test_a_study_adds_its_history_and_what_mattered(sweep):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=f"sqlite:///{sweep / 'study.db'}", study_name="sweep", direction="maximize")
    study.optimize(lambda trial: trial.suggest_float("model.lr", 0, 1) + 0 * trial.suggest_float("noise", 0, 1), 8)
    sweep_report(folder=sweep)
    page = (sweep / "leaderboard.html").read_text()
    assert "How the search went" in page
    assert "Which parameters mattered" in page


def test_a_folder_without_runs_and_an_unknown_metric_are_named(sweep, tmp_path):
    with pytest.raises(ConfigError, match="there is no run below it"):
        sweep_report(folder=tmp_path / "nothing")
    with pytest.raises(ConfigError, match="metric=acc: a run has loss, accuracy"):
        sweep_report(folder=sweep, metric="acc")


def test_a_real_run_is_on_the_board(tiny_copy):
    [row] = sweep_report(folder=tiny_copy.parent)
    assert row.validation.value == 1.0
    assert row.test.value == 1.0
