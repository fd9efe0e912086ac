"""The models command: list, register, scale, set the default version, unregister."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from annotated_types import Ge
from rich.table import Table

from sentiment.client import Management, Version
from sentiment.console import console
from sentiment.errors import ClientError, ConfigError, NotFoundError
from sentiment.serving.store import check_archive, forget, held, history, put_in_place, record, remember

log = logging.getLogger(__name__)


def models(
    *,
    management: Management,
    model_store: Path | None = None,
    name: str | None = None,
    version: str | float | None = None,  # 2.0 on a command line is a number
    register: str | None = None,
    workers: Annotated[int, Ge(0)] | None = None,
    scale: Annotated[int, Ge(0)] | None = None,
    default: str | float | None = None,
    unregister: str | float | None = None,
) -> None:
    """Run at most one of `register` (an archive's file name), `scale`, `default`, `unregister`; then list the models.

    Raises:
        ConfigError: More than one of the four is given.
    """
    wanted = {"register": register, "scale": scale, "default": default, "unregister": unregister}
    verbs = [verb for verb, value in wanted.items() if value is not None]
    if len(verbs) > 1:
        raise ConfigError(f"one thing at a time: got {' and '.join(verbs)}; leave one")
    store = Path(model_store) if model_store is not None else None
    with management:
        if register is not None:
            archive = Path(register).name
            if store is not None and (store / archive).is_file():
                check_archive(store / archive)
            add(management, archive, workers)
        elif verbs:
            name = name or only(management.models())
            if scale is not None:
                management.scale(name, str(version or management.version(name).version), workers=scale)
            if default is not None:
                choose(management, name, str(default), store)
            if unregister is not None:
                remove(management, name, str(unregister), store)
        names = [name] if name else management.models()
        console.print(table([one for name in names for one in management.versions(name)]))


def add(management: Management, archive: str, workers: int | None) -> None:
    """Register an archive, then scale it if `workers` differs from the number of workers the archive configures."""
    before = {(one.model, one.version) for name in management.models() for one in management.versions(name)}
    management.register(archive)
    for one in (one for name in management.models() for one in management.versions(name)):
        if (one.model, one.version) not in before and workers not in (None, len(one.workers)):
            management.scale(one.model, one.version, workers=workers or 0)


def choose(management: Management, model: str, version: str, store: Path | None) -> None:
    """Set the default version: first in the store, so that a restart keeps it, then on the server."""
    before, chosen = management.version(model), management.version(model, version)
    if store is None or not (store / chosen.archive).is_file():
        management.set_default(model, version)
        log.warning(
            "model_store=%s does not hold %s: a restart of the server undoes this choice", store, chosen.archive
        )
        return
    with held(store), kept(store, model):
        put_in_place(store, model, chosen.version, before=before.version)
        management.set_default(model, version)


def remove(management: Management, model: str, version: str, store: Path | None) -> None:
    """Unregister a version on the server and in the store's history, so that a restart does not serve it."""
    if store is None or not store.is_dir():
        management.unregister(model, version)
        return
    with held(store), kept(store, model):
        forget(store, model, version)
        management.unregister(model, version)


@contextmanager
def kept(store: Path, model: str) -> Iterator[None]:
    """Restore the version history if the block's request to the server fails."""
    former = history(store, model)
    try:
        yield
    except ClientError:
        if former:
            remember(store, model, former)
        else:
            record(store, model).unlink(missing_ok=True)
        raise


def only(names: list[str]) -> str:
    if len(names) != 1:
        raise NotFoundError(
            f"the server has {len(names)} models ({', '.join(names) or 'none'}); choose one with name=NAME"
        )
    return names[0]


def table(versions: list[Version]) -> Table:
    shown = Table("model", "version", "default", "workers", "batch", "archive")
    for one in versions:
        states = ", ".join(f"{one.workers.count(state)} {state}" for state in sorted(set(one.workers)))
        shown.add_row(
            one.model, one.version, "yes" if one.default else "", states or "none", str(one.batch_size), one.archive
        )
    return shown
