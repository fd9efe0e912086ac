"""A run is resumed from its last checkpoint, or from the best one."""

import pytest

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
        ("task=multi", "last.ckpt is of task=single, not multi; go on with the settings that the run was started with"),
        ("data.labels=[positive,negative]", "last.ckpt is of the labels negative, positive, in this order, not pos"),
        ("data.text_column=nope", "has no column 'nope'"),
    ],
)
def test_a_resume_that_is_refused_leaves_the_run_as_it_was(tiny_copy, given, told, capsys):
    before = {path: path.read_bytes() for path in tiny_copy.rglob("*") if path.is_file() and "logs" not in path.parts}
    with pytest.raises(SystemExit, match="2"):
        main(["train", f"resume={tiny_copy}", given])
    assert told in capsys.readouterr().err
    after = {path: path.read_bytes() for path in tiny_copy.rglob("*") if path.is_file() and "logs" not in path.parts}
    assert sorted(map(str, after)) == sorted(map(str, before))
    assert {str(path) for path in before if after[path] != before[path]} == set()
