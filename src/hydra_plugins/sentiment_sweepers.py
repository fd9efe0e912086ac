"""Where Hydra finds the sweepers of conf/hydra/sweeper: it takes plugins from this namespace package alone."""

from sentiment.training.sweeps import grid, search


class GridSweeper(grid.GridSweeper):
    pass


class OptunaSweeper(search.OptunaSweeper):
    pass
