"""Callback that prunes trials that fall behind the others."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl

from sentiment.errors import PrunedError
from sentiment.evaluation.study_storage import readable
from sentiment.training.checkpoints import judging

if TYPE_CHECKING:
    from optuna.pruners import BasePruner


class Prune(pl.Callback):
    """Callback that reports `monitor` to the study after each epoch and ends the trial if `pruner` says so.

    The trial is the one whose number is the name of `folder`; it may run in another process than the sweep.
    """

    def __init__(self, *, folder: Path, storage: str, study_name: str, monitor: str, pruner: "BasePruner") -> None:
        import optuna

        with readable(storage):
            study = optuna.load_study(study_name=study_name, storage=storage, pruner=pruner)
            trial = study.get_trials()[int(Path(folder).name)]
        self.trial = optuna.Trial(study, trial._trial_id)  # Optuna has no public way to open a trial by its number
        self.reported = trial.intermediate_values
        self.monitor = monitor

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not judging(trainer):
            return
        score: Any = trainer.callback_metrics[self.monitor]
        step, epoch = trainer.current_epoch, trainer.current_epoch + 1
        if step not in self.reported:  # an interrupted part of this trial may have reported it
            self.trial.report(score.item(), step)
        if epoch != trainer.max_epochs and self.trial.should_prune():
            raise PrunedError(f"pruned after epoch {epoch}, at {self.monitor} {score:.4f}")
