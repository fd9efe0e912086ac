"""Hydra plugins for conf/hydra/sweeper; Hydra only discovers plugins in this namespace package."""

from sentiment.training.sweeps import grid, search


class GridSweeper(grid.GridSweeper):
    pass


class OptunaSweeper(search.OptunaSweeper):
    pass
