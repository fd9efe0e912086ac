"""New tokens for the model of a finished run: its tokenizer and vectors extended, and all that describes it renewed."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from transformers import AutoTokenizer

from sentiment import run_dir as runs
from sentiment.config.targets import instantiate_saved
from sentiment.data.new_tokens import Wanted, extend, grow
from sentiment.data.splits import Split
from sentiment.errors import ConfigError
from sentiment.evaluation.comparison import BASELINE, compare
from sentiment.evaluation.evaluate import behave
from sentiment.evaluation.metrics import title
from sentiment.evaluation.model_card import model_card
from sentiment.evaluation.report.page import write_report
from sentiment.evaluation.results import Results
from sentiment.export.choose_runtime import convert
from sentiment.export.fitting import fit_export
from sentiment.export.huggingface import export, update_readability
from sentiment.files import damaged, put_in_place, scratch_folder, write_json, write_text
from sentiment.inference.export_dir import PREPROCESSING, load_torch, read_preprocessing
from sentiment.inference.fidelity import chosen_runtime
from sentiment.inference.multilabel import Multi
from sentiment.inference.predictor import Predictor
from sentiment.inference.readability import READABILITY
from sentiment.inference.runtimes import RuntimeName
from sentiment.inference.symbols import CAPITALS
from sentiment.inference.tasks import decoding_of

READ = (runs.RECORD, "logs", "data_report.json")  # of a run, by its report; new tokens change none of them

log = logging.getLogger(__name__)


def extend_run(
    run: Path, splits: Mapping[str, Split], wanted: Wanted, *, runtime: RuntimeName, exits: Sequence[int] = ()
) -> str:
    """Add tokens to the model of a finished run; convert, calibrate and score it anew, and return its runtime.

    `splits` are the run's own texts.

    All of it is made in a folder beside the export and put in place at the end; a stop before leaves the run as it was.

    Raises:
        ConfigError: `wanted` is no set, file or list, or names nothing that the model can still learn to read; or
            another process works in the run.
        ModelError: The run is not finished, the architecture takes no new tokens, or the runtime cannot be built.
    """
    before = runs.Run.open(run).scores
    cfg, source = runs.saved_config(run), str(run / runs.RECORD / "config.yaml")
    assert cfg is not None  # `export_run` has read the data that it names
    with runs.claimed(run), scratch_folder(run / "export") as scratch:
        made = scratch / run.resolve().name  # laid out as the run, whose name the report has
        made.mkdir()
        for name in READ:
            if (run / name).exists():
                (made / name).symlink_to((run / name).resolve())
        exported = shutil.copytree(run / "export", made / "export")
        count = add_tokens(exported, wanted, named=run / "export")
        update_readability(exported, splits["train"].inputs)
        log.info("%d new tokens, their vectors made of known pieces", count)
        chosen = convert(exported, runtime=runtime, train=splits["train"].inputs, texts=splits["validation"].inputs)
        task = instantiate_saved(cfg, "task", source=source)
        results = renew(run, made, cfg, splits, task, before=before, exits=exits)
        summary = runs.read_result(run, runs.SUMMARY)
        names = [wanted] if isinstance(wanted, str) else list(wanted or ())
        write_json(made / runs.SUMMARY, summary | {"runtime": chosen, "new_tokens": {"of": names, "added": count}})
        teachers = [model["name"] for model in summary.get("teacher", {}).get("models", [])]
        own, line = read_preprocessing(exported), chosen_runtime(exported)
        card = model_card(made.name, summary["backbone"], own, results, teachers=teachers, runtime=line)
        write_text(exported / "README.md", card)
        write_report(made / "report", results, run=made)
        results.write(made)
        put_all_in_place(made, run)
    name = "accuracy" if "accuracy" in results.scores["validation"] else "f1"  # of several labels
    now, then = (scores["validation"].get(name, float("nan")) for scores in (results.scores, before))
    log.info("validation %s %.4f with the new tokens, %.4f without them", title(name), now, then)
    return chosen


def add_tokens(exported: Path, wanted: Wanted, *, named: Path) -> int:
    """Add tokens to an export folder, turn `cleaning.emoji` on, and return their number.

    Of the other files readability.json alone stays: what was fitted to the answers of before, and the graphs, go.

    Raises:
        ConfigError: `wanted` is no set, file or list, or names nothing that the model can still learn to read.
        ModelError: The architecture takes no new tokens.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(exported, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # tokenizers raises plain Exception, transformers many types
        raise damaged(named / "tokenizer.json", str(error).splitlines()[0]) from error
    preprocessing = read_preprocessing(exported)
    pieces = extend(tokenizer, wanted, key="new_tokens")
    if not pieces:
        raise ConfigError(f"new_tokens={wanted}: the tokenizer of {named} has all of them; leave it out")
    if not preprocessing.cleaning.capitals and tokenizer.convert_tokens_to_ids(CAPITALS) in pieces:
        raise ConfigError("new_tokens=capitals: this run was trained without data.cleaning.capitals; leave it out")
    network = load_torch(exported, "cpu")
    grow(network, pieces, backbone=str(named), key="new_tokens")
    decoding = decoding_of(preprocessing.task)
    uncalibrated = replace(decoding, slopes=None, biases=None) if isinstance(decoding, Multi) else decoding
    changed = replace(
        preprocessing,
        cleaning=replace(preprocessing.cleaning, emoji=True),
        runtime="torch",
        temperature=1.0,
        task=uncalibrated.to_json(),
    )
    kept = [exported / READABILITY] if (exported / READABILITY).is_file() else []
    export(network, tokenizer, changed, into=exported, keep=kept)
    return len(pieces)


def renew(
    run: Path,
    made: Path,
    cfg: DictConfig,
    splits: Mapping[str, Split],
    task: Any,
    *,
    before: Mapping[str, Mapping[str, float]],
    exits: Sequence[int],
) -> Results:
    """Calibrate and score what is made, as the run was: with the test split, baseline and behaviour tests it had."""
    after = cfg.after_training
    tested = "test" in before or (run / "evaluation" / "test" / "metrics.json").is_file()
    evaluations = fit_export(
        made / "export",
        splits,
        task,
        calibration=bool(after.calibrate),
        metric=str(cfg.optimized_metric),
        score_test=tested,
        exits=exits,
    )
    predictor = Predictor.load(made / "export")
    cleaning = predictor.preprocessing.cleaning
    baseline = compare(evaluations, splits["train"], cleaning) if (run / BASELINE).is_file() else {}
    tests = after.get("behaviour") if (run / runs.BEHAVIOUR).is_file() else None
    if tests and not Path(tests).is_dir():
        log.warning("after_training.behaviour=%s is not there; the run is left without behaviour.json", tests)
        tests = None
    return Results(evaluations, baseline, behave(predictor, tests))


def put_all_in_place(made: Path, run: Path) -> None:
    """Move what was made into the run: the export whole, the results, and their checksums last."""
    put_in_place(made / "export", run / "export", marker=PREPROCESSING)
    (run / runs.BEHAVIOUR).unlink(missing_ok=True)
    for path in made.iterdir():
        if not path.is_symlink():
            put_in_place(path, run / path.name, marker="report.html")
    runs.list_results(run)
