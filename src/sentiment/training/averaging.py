"""Averages of the weights that a run validates and exports."""

from typing import Annotated, Any

import pytorch_lightning as pl
from annotated_types import Ge, Lt
from omegaconf import DictConfig
from pytorch_lightning.callbacks import StochasticWeightAveraging, WeightAveraging

from sentiment.config.signatures import find
from sentiment.errors import ConfigError


class StochasticAveraging(WeightAveraging):
    """Mean of the weights after each step of the last part of training (Izmailov et al. 2018, SWA).

    Until then the average is the weights of the last step. Lightning's own StochasticWeightAveraging sets its average
    after the last checkpoint, so that no validation judges it and no export has it.
    """

    def __init__(self, *, start: Annotated[float, Ge(0), Lt(1)] = 0.75) -> None:
        super().__init__()
        self.start = start

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        if trainer.global_step - 1 <= self.start * trainer.estimated_stepping_batches:
            assert self._average_model is not None
            self._average_model.n_averaged.zero_()  # so that the update copies the weights
        super().on_train_batch_end(trainer, *args, **kwargs)


def check_averages(callbacks: DictConfig | None) -> None:
    """Raise ConfigError for an average of the weights that would not be exported, or for two of them."""
    targets = {str(name): node["_target_"] for name, node in (callbacks or {}).items() if node and "_target_" in node}
    classes = {name: find(f"callbacks.{name}", target) for name, target in targets.items()}
    if own := [name for name, made in classes.items() if made is StochasticWeightAveraging]:
        raise ConfigError(
            f"callbacks.{own[0]}: Lightning's StochasticWeightAveraging sets its average after the last checkpoint, so "
            "that it would be neither validated nor exported; set +callbacks=swa"
        )
    averages = [name for name, made in classes.items() if isinstance(made, type) and issubclass(made, WeightAveraging)]
    if len(averages) > 1:
        raise ConfigError(f"callbacks.{averages[0]} and callbacks.{averages[1]}: a run exports one average; leave one")
