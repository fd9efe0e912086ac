"""A run is resumed from its last checkpoint, or from the best one."""

import shutil

import pytest
from omegaconf import OmegaConf

from sentiment.cli import main
from sentiment.errors import ConfigError
from sentiment.training.resuming import BEST, LAST, starting_point


def test_a_run_goes_on_from_the_best_checkpoint_where_it_is_all_there_is(tiny_copy, tmp_path, caplog):
    assert starting_point(tiny_copy, resume=True) == tiny_copy / LAST
    (tiny_copy / LAST).unlink()
    assert starting_point(tiny_copy, resume=True) == tiny_copy / BEST
    assert "last.ckpt; going on from" in caplog.text
    with pytest.raises(ConfigError, match="already holds a run"):
        starting_point(tiny_copy, resume=False)
    (tiny_copy / BEST).unlink()
    with pytest.raises(ConfigError, match="the run has no checkpoint, start it afresh"):
        starting_point(tiny_copy, resume=True)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            "task=multi",
            "task._target_=sentiment.training.tasks.Single and goes on with that, not with sentiment.training",
        ),
        ("loss=focal", "was started with model.loss._target_=sentiment.training.losses.CrossEntropy and goes on"),
        ("model.loss.weights={positive: 2}", 'weights=null and goes on with that, not with {"positive": 2}'),
        ("data.aspect_column=label", "data.aspect_column=null and goes on with that, not with label; leave it out, or"),
        ("model.lr=0.1", "model.lr=0.003 and goes on with that, not with 0.1; leave it out, or start another run with"),
        (
            "data.batch_size=2",
            "data.batch_size=8 and goes on with that, not with 2; its checkpoint counts batches of that size. Where "
            "memory is short, start another run with run_name=NAME data.batch_size=2 "
            "trainer.accumulate_grad_batches=4, whose steps are of as many rows",
        ),
        (
            "data.batch_size=3",
            "data.batch_size=3 trainer.accumulate_grad_batches=2, whose steps are of 6 rows, or go on where",
        ),
        (
            "data.batch_size=16",
            "data.batch_size=8 and goes on with that, not with 16; leave it out, or start another run",
        ),
        ("trainer.accumulate_grad_batches=2", "trainer.accumulate_grad_batches=1 and goes on with that, not with 2"),
        ("trainer.limit_train_batches=2", "trainer.limit_train_batches=null and goes on with that, not with 2"),
        ("optimized_metric=f1", "optimized_metric=accuracy and goes on with that, not with f1"),
        (
            "data.dir={other}",
            "last.ckpt is of other rows of train (their texts, aspects, labels or order differ); go on",
        ),
        ("run_name=other", "run_name does nothing beside resume="),
        ("paths.output_dir=other", "paths.output_dir does nothing beside resume="),
        ("trainer.max_epochs=7", "last.ckpt is of 8 epochs, more than trainer.max_epochs=7; raise that"),
        ("trainer.max_steps=63", "last.ckpt is of 64 steps, more than trainer.max_steps=63; raise that"),
    ],
)
def test_a_resume_that_is_refused_leaves_the_run_as_it_was(tiny_copy, given, told, capsys, corpus, tmp_path):
    shutil.copytree(corpus, tmp_path / "other")
    with (tmp_path / "other" / "train.csv").open("a") as file:
        file.write("bad day,negative\n")
    before = {path: path.read_bytes() for path in tiny_copy.rglob("*") if path.is_file() and "logs" not in path.parts}
    with pytest.raises(SystemExit, match="2"):
        main(["train", f"resume={tiny_copy}", given.format(other=tmp_path / "other") if "{other}" in given else given])
    assert told in capsys.readouterr().err
    after = {path: path.read_bytes() for path in tiny_copy.rglob("*") if path.is_file() and "logs" not in path.parts}
    assert sorted(map(str, after)) == sorted(map(str, before))
    assert {str(path) for path in before if after[path] != before[path]} == set()


def test_a_run_of_own_config_files_is_resumed_with_their_folder(tiny_copy, tmp_path, capsys):
    own = tmp_path / "own files"
    (own / "experiment").mkdir(parents=True)
    (own / "experiment" / "mine.yaml").write_text("# @package _global_\noptimized_metric: f1\n")
    record = tiny_copy / ".hydra" / "hydra.yaml"
    saved = OmegaConf.load(record)
    saved.hydra.runtime.config_sources.append({"path": str(own), "schema": "file", "provider": "command-line"})
    OmegaConf.save(saved, record)
    with pytest.raises(SystemExit, match="2"):
        main(["train", f"resume={tiny_copy}", "experiment=mine"])
    assert f"was started with --config-dir '{own}'; give it again" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["train", f"resume={tiny_copy}", "--config-dir", str(own), "experiment=mine"])
    assert "optimized_metric=accuracy and goes on with that, not with f1" in capsys.readouterr().err
