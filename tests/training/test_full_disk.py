"""A checkpoint that does not fit leaves the former one, and says how to go on; a broken study is one line."""

import resource
import shlex
import shutil
import sqlite3

import pytest

from sentiment import run_dir as runs
from sentiment.cli import main
from sentiment.errors import ConfigError
from sentiment.evaluation.leaderboard.study import figures
from sentiment.evaluation.report.page import command
from sentiment.evaluation.study_storage import readable


@pytest.fixture
def small_files():
    """No file of this process can grow beyond a size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
def test_a_run_whose_checkpoint_does_not_fit_says_how_to_go_on(train_tiny, tiny_run, small_files, capfd, monkeypatch):
    from sentiment.training.checkpoints import LastCheckpoint

    original, size = LastCheckpoint.on_train_epoch_end, (tiny_run / "checkpoints" / "last.ckpt").stat().st_size

    def filling(self, trainer, module):
        if trainer.current_epoch == 1:
            small_files(size // 2)
        original(self, trainer, module)

    monkeypatch.setattr(LastCheckpoint, "on_train_epoch_end", filling)
    with pytest.raises(SystemExit) as caught:
        train_tiny("full", "trainer.max_epochs=3", "after_training.baseline=false")
    assert caught.value.code == 1
    error = capfd.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert "last.ckpt" in error
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
    monkeypatch.undo()
    main(["train", *shlex.split(error.partition("then go on with: sentiment train ")[2])])
    run = next(word for word in shlex.split(error) if word.startswith("resume=")).removeprefix("resume=")
    assert runs.outcome(runs.Path(run)).state == "finished"


@pytest.mark.slow
def test_the_line_that_repeats_a_run_works_word_for_word(tiny_run, monkeypatch, tmp_path):
    line = command(tiny_run)
    assert line in (tiny_run / "report" / "report.html").read_text().replace("&#39;", "'").replace("&#34;", '"')
    words = shlex.split(line)
    assert words[:2] == ["python", "train.py"]
    [outputs] = [runs.Path(word.partition("=")[2]) for word in words if word.startswith("paths.output_dir=")]
    folders = set(outputs.iterdir())
    main(["train", *words[2:]])
    [again] = [path for path in set(outputs.iterdir()) - folders if path.name != "cache"]
    assert (again / "metrics.json").read_bytes() == (tiny_run / "metrics.json").read_bytes()
    shutil.rmtree(again)


def test_a_locked_study_is_one_line(tmp_path):
    import optuna

    storage = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(study_name="sweep", storage=storage)
    with sqlite3.connect(tmp_path / "study.db") as holder:
        holder.execute("BEGIN EXCLUSIVE")
        message = r"the study cannot be read \(database is locked\); another process holds it"
        with pytest.raises(ConfigError, match=message), readable(storage):
            optuna.storages.RDBStorage(storage, engine_kwargs={"connect_args": {"timeout": 0.1}})
        holder.rollback()


def test_a_cut_study_is_one_line_and_no_end_of_the_leaderboard(tmp_path, caplog):
    import optuna

    storage = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(study_name="sweep", storage=storage)
    whole = (tmp_path / "study.db").read_bytes()
    (tmp_path / "study.db").write_bytes(b"SQLite format 3\x00" + b"\xff" * (len(whole) // 2))
    with (
        pytest.raises(ConfigError, match=r"study.db: the study cannot be read \(.*\); restore it, or move it"),
        readable(storage),
    ):
        optuna.create_study(study_name="sweep", storage=storage, load_if_exists=True)
    assert figures(tmp_path) == []
    assert "no figures of the search" in caplog.text
