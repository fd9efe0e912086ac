"""`sentiment export`: choose the runtime of a finished run anew."""

import logging
from pathlib import Path

from sentiment.conversion.choice import Wanted, convert
from sentiment.errors import ConfigError
from sentiment.evaluation.command import run_data
from sentiment.predictor import export_folder
from sentiment.text import Runtime

log = logging.getLogger(__name__)


def export_run(*, run: Path, runtime: Wanted = "auto") -> Runtime:
    """Put the graph of `runtime` into a run's export folder, compared and measured on the run's own texts."""
    exported = export_folder(Path(run))
    data = run_data(Path(run))
    if data is None:
        raise ConfigError(f"{run} has no .hydra/config.yaml; name a run directory, outputs/<run>")
    splits = data.read()
    validation = splits["validation"]
    chosen = convert(
        exported, runtime=runtime, train=splits["train"].texts, texts=validation.texts, targets=validation.labels
    )
    log.info("%s is answered by %s", exported, chosen)
    return chosen
