"""A run is resumed from its last checkpoint, or from the best one."""

import pytest

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
