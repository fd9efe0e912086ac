"""The export command: choose the runtime of a finished run again."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from sentiment import run_dir as runs
from sentiment.data.module import SentimentData
from sentiment.data.new_tokens import Wanted as NewTokens
from sentiment.data.splits import Split
from sentiment.errors import ConfigError
from sentiment.evaluation.abstention import write_abstention
from sentiment.evaluation.evaluate import has_changed, run_data
from sentiment.evaluation.model_card import update_runtime
from sentiment.evaluation.quantification.write import write_quantification
from sentiment.evaluation.scoring import evaluate
from sentiment.export.choose_runtime import convert
from sentiment.export.exits import add_exits, asked_exits, check_model
from sentiment.export.extension import extend_run
from sentiment.export.huggingface import update_readability
from sentiment.inference.checksums import SUMS, verify_export, write_checksums
from sentiment.inference.export_dir import export_folder, labels_of, warn_if_unfinished
from sentiment.inference.fidelity import chosen_runtime
from sentiment.inference.predictor import Predictor
from sentiment.inference.runtimes import RuntimeName

log = logging.getLogger(__name__)

Layers = Sequence[Annotated[int, Ge(1)]] | None


def export_run(
    *,
    run: Path,
    runtime: RuntimeName = "auto",
    accept: bool = False,
    new_tokens: NewTokens = None,
    exits: Layers = None,
) -> str:
    """Build the graph of `runtime` in a run's export folder, calibrated and compared on the run's own texts.

    With `accept` no file is changed: SHA256SUMS is rewritten to approve deliberate edits. With `new_tokens` the model
    gets tokens first, as `extend_run` does. With `exits` sure texts may be answered after these layers; by default
    after those asked for before.

    Raises:
        ConfigError: `accept` is combined with another key, `new_tokens` adds nothing, or `run` is not a run directory.
    """
    exported = export_folder(Path(run))
    if accept:
        if runtime != "auto":
            raise ConfigError(f"runtime={runtime} and accept=true: one thing at a time; leave one")
        if new_tokens is not None:
            raise ConfigError(f"new_tokens={new_tokens} and accept=true: one thing at a time; leave one")
        if exits is not None:
            raise ConfigError(f"exits={exits} and accept=true: one thing at a time; leave one")
        return accept_changes(Path(run), exported)
    warn_if_unfinished(Path(run))
    verify_export(exported, graphs=False)
    data = run_data(Path(run))
    if data is None:
        raise ConfigError(f"{run} has no .hydra/config.yaml; name a run directory, outputs/<run>")
    splits = read_splits(Path(run), data, labels_of(exported))
    layers = asked_exits(exported) if exits is None else exits
    if layers:
        check_model(exported, layers, runtime)
    if new_tokens is not None:
        chosen = extend_run(Path(run), splits, new_tokens, runtime=runtime, exits=layers)
    else:
        update_readability(exported, splits["train"].inputs)
        chosen = convert(exported, runtime=runtime, train=splits["train"].inputs, texts=splits["validation"].inputs)
        if layers:
            add_exits(exported, layers, train=splits["train"].inputs, validation=splits["validation"])
        update_runtime(exported / "README.md", chosen_runtime(exported))
        predictor = Predictor.load(exported)
        scores = evaluate(predictor, splits["validation"], predictor.labels)
        write_abstention(exported, scores)
        write_quantification(
            exported, scores, splits["train"].labels
        )  # the runtime's answers, whose errors it measures
    log.info("%s is answered by %s", exported, chosen)
    return chosen


def read_splits(run: Path, data: SentimentData, labels: list[str]) -> dict[str, Split]:
    """Read a run's own texts, whose labels are the model's, and log which are not those of its training."""
    splits = data.read(labels=labels)
    for name in ("train", "validation"):
        if name not in splits:
            raise ConfigError(f"{run}: its data has no {name} split now; restore the files that it was trained with")
        if has_changed(run, name, splits[name]):
            learned = ", and may be texts that it has learned" if name == "validation" else ""
            log.warning(
                "the %s texts or labels have changed since this run was trained; the export is compared and fitted on "
                "those of now%s",
                name,
                learned,
            )
    return splits


def accept_changes(run: Path, exported: Path) -> str:
    """Rewrite the checksums of a run whose files were edited, if the model still loads and predicts."""
    former = (exported / SUMS).read_bytes() if (exported / SUMS).is_file() else None
    (exported / SUMS).unlink(missing_ok=True)
    try:
        predictor = Predictor.load(exported)
        predictor.predict(["a first text"], "aspect" if predictor.preprocessing.aspects else None)
    except BaseException:
        if former is not None:
            (exported / SUMS).write_bytes(former)
        raise
    write_checksums(exported)
    if exported != run and (run / SUMS).is_file():
        runs.list_results(run)
    log.info("%s is accepted as it is now; its SHA-256 is %s", exported, predictor.sha256)
    return predictor.preprocessing.runtime
