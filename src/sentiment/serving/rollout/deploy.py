"""The deploy command."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge

from sentiment.client import Client, Management, Version
from sentiment.client.management import number
from sentiment.console import stop_on_signals, uninterrupted
from sentiment.data.label_form import LabelForm
from sentiment.data.label_sets import rename_label
from sentiment.data.label_values import finder
from sentiment.data.tables import Quoting, TableOptions
from sentiment.errors import ConfigError, DataError, NotFoundError, RefusedError, SentimentError, ServingError
from sentiment.evaluation.behaviour import Capability, read_behaviour
from sentiment.inference.predictor import Predictor
from sentiment.inference.types import JOINT, list_labels, names_of
from sentiment.remote import local_copy
from sentiment.serving.archive import check_version
from sentiment.serving.rollout.candidate import Candidate
from sentiment.serving.rollout.gate import Limits, next_version, violations
from sentiment.serving.rollout.golden import Golden, GoldenTable, read_golden
from sentiment.serving.rollout.rollback import write_record
from sentiment.serving.store import archives, candidates, held, history, read_archive, remember, settle_history

log = logging.getLogger(__name__)


def deploy(
    *,
    run: Path,
    engine: Client,
    management: Management,
    package: Callable[..., Path],
    model_store: Path,
    limits: Limits,
    records: Path,
    golden: Path | None = None,
    texts: Annotated[int, Ge(2)] = 200,
    text_column: str | None = None,
    label_column: str | None = None,
    aspect_column: str | None = None,
    label_separator: str | None = None,
    separator: str | None = None,
    encoding: str | None = None,
    quoting: Quoting | None = None,
    columns: Sequence[str] | None = None,
    version: str | float | None = None,
    behaviour: Path | None = None,
) -> str:
    """Register a run as a new version, check it against the golden set, and make it the default.

    On refusal or failure the candidate is withdrawn, and the server answers as before. Either way a JSON record of the
    decision is written to `records`.

    Args:
        run: The run directory to deploy.
        engine: Client of the server; its `model` is the one deployed.
        management: Client of the server's management API.
        package: Packages the run, with the options of `sentiment package` bound.
        model_store: The server's model store.
        limits: Thresholds that the new version must meet.
        records: The folder for the decision records.
        golden: Table of golden texts; default: the run's predictions.csv.
        texts: The most golden texts to use.
        text_column: Column of the golden texts, as in a batch job.
        label_column: Column of the golden labels.
        aspect_column: Column of the golden aspects, for a model that reads them; default: "aspect".
        label_separator: Between the labels of a golden text, for a model that gives several.
        separator: Field separator of a CSV file.
        encoding: Encoding of the file.
        quoting: Quoting style of a CSV file.
        columns: Column names, for a file without a header.
        version: The new version; default: the next whole number.
        behaviour: Folder of behaviour tests for both versions; None: none.

    Returns:
        The version that was deployed.

    Raises:
        RefusedError: The new version misses a limit.
        ConfigError: The version is taken, or its archive exists.
        DataError: The golden set cannot be used with this model.
        ServingError: Another process holds the store, or the version cannot be registered.
    """
    stop_on_signals()
    predictor = Predictor.load(run := local_copy(run))
    form = LabelForm.of(predictor.decoding.kind == "multi", label_separator, None, None, prefix="")
    if form.multi and form.separator is None and golden is None:
        form = replace(form, separator=JOINT)  # as predictions.csv has them
    options = TableOptions.of("", separator, encoding, quoting, columns)
    how = GoldenTable(text_column, label_column, aspect_column, options, form)
    reads_aspects = predictor.preprocessing.aspects
    chosen = read_golden(Path(golden) if golden else None, Path(run), most=texts, how=how, aspects=reads_aspects)
    chosen = with_labels_of(predictor.labels, chosen)
    predictor.inputs(chosen.texts)
    capabilities = behaviour_of(behaviour, predictor, limits)
    store = Path(model_store).absolute()
    with held(store), management, engine:
        withdraw_left(management, engine.model, store)
        served = versions(management, engine.model)
        before = next((one for one in served if one.default), None)
        version = free_version(version, served, store, engine.model)
        archive = store / f"{engine.model}-{version}.mar"
        if archive.exists():
            raise ConfigError(f"{archive} exists and holds another model or version; give it another name")
        in_place = before.version if before else None
        if in_place and (placed := settle_history(store, engine.model, in_place)) != history(store, engine.model):
            remember(store, engine.model, placed)
        candidate = Candidate(engine=engine, management=management, archive=archive, version=version, in_place=in_place)
        record: dict[str, Any] = {"run": str(run), "model": engine.model, "version": version, "in_place": in_place}
        record |= {"golden": chosen.source, "limits": asdict(limits)}
        with decision(candidate, records, record):
            with uninterrupted():
                candidate.register(package, Path(run), workers=max(1, len(before.workers)) if before else 1)
            log.info("checking %s %s with %d texts of %s", engine.model, version, len(chosen.texts), chosen.source)
            evidence = candidate.measure(chosen, predictor.predict(chosen.texts), capabilities, predictor.decoding)
            record["evidence"] = asdict(evidence)
            if reasons := violations(evidence, limits):
                raise RefusedError(f"{engine.model} {version} is not put in place: {'; '.join(reasons)}")
        candidate.retire()
    back = f"; sentiment rollback goes back to {in_place}" if in_place else ""
    log.info("%s %s is in place%s", engine.model, version, back)
    return version


@contextmanager
def decision(candidate: Candidate, records: Path, record: dict[str, Any]) -> Iterator[None]:
    """Promote the candidate if the block succeeds, otherwise withdraw it; write the record in both cases."""
    record["decision"] = "stopped"
    try:
        yield
        with uninterrupted():
            candidate.promote()
            record["decision"] = "in place"
    except (SentimentError, OSError) as error:
        record |= {"decision": "refused" if isinstance(error, RefusedError) else "failed", "reason": str(error)}
        raise
    finally:
        with uninterrupted():
            if record["decision"] != "in place":
                candidate.withdraw()
            write_record(records, record)


def withdraw_left(management: Management, model: str, store: Path) -> None:
    """Unregister the candidates that a killed deployment left on the server, and remove their archives."""
    for path in candidates(store):
        try:
            left = read_archive(path)
        except ServingError:  # truncated: the deployment was killed while packaging
            path.unlink()
            continue
        if left.model == model:
            served = {number(one.version): one for one in versions(management, model)}
            found = served.get(number(left.version))
            if found and (not found.default or len(served) == 1):
                management.unregister(model, found.version)
            path.unlink()
            log.info("removed %s %s, which a deployment that was killed had left", model, left.version)


def versions(management: Management, model: str) -> list[Version]:
    try:
        return management.versions(model)
    except NotFoundError:
        return []


def free_version(wanted: str | float | None, served: list[Version], store: Path, model: str) -> str:
    taken = {number(one.version) for one in served}
    taken |= {number(one.version) for one in archives(store) if one.model == model}
    if wanted is None:
        return next_version(sorted(taken))
    version = check_version(wanted)
    if number(version) in taken:
        raise ConfigError(f"version={version}: {model} has this one already; leave version out, or take a higher one")
    return version


def with_labels_of(labels: Sequence[str], golden: Golden) -> Golden:
    """Return the golden set with the model's names for its labels, 1 for 1.0. Raises DataError for a label it lacks."""
    if golden.labels is None:
        return golden
    there = {name for label in golden.labels for name in names_of(label)}
    known = {name: found for name in there if (found := finder(labels)(name)) is not None}
    if unknown := sorted(there - known.keys()):
        raise DataError(
            f"{golden.source} has the label {unknown[0]!r}, the model knows {list_labels(labels)}; correct it there"
        )
    return replace(golden, labels=[rename_label(label, known) for label in golden.labels])


def behaviour_of(folder: Path | None, predictor: Predictor, limits: Limits) -> list[Capability]:
    """Read the behaviour tests. Raises ConfigError for a limit without tests."""
    found = read_behaviour(Path(folder), predictor.labels, aspects=predictor.preprocessing.aspects) if folder else []
    allowed, names = limits.max_behaviour_failures, [one.name for one in found]
    asked = [str(name) for name in allowed] if isinstance(allowed, Mapping) else []
    if unknown := next((name for name in asked if name not in names), None):
        raise ConfigError(
            f"limits.max_behaviour_failures: no behaviour tests {unknown!r}; there are {', '.join(names)}"
        )
    if allowed is not None and not found:
        raise ConfigError("limits.max_behaviour_failures does nothing without behaviour tests; set behaviour=FOLDER")
    return found
