"""The rollback command, and the records of what was put in place. It needs no model."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentiment.client import Management, Version
from sentiment.client.management import number
from sentiment.console import stop_on_signals, uninterrupted
from sentiment.errors import ServingError
from sentiment.files import write_json
from sentiment.serving.store import archives, held, history, remember, settle_history

log = logging.getLogger(__name__)


def rollback(*, management: Management, model_store: Path, name: str, records: Path) -> str:
    """Make the previous default version the default again and return it. Raises ServingError if there is none left."""
    stop_on_signals()
    store, model = Path(model_store).absolute(), name
    with held(store), management:
        present = management.version(model)
        before = history(store, model)
        placed = settle_history(store, model, present.version)
        while placed == before and placed and number(placed[-1]) == number(present.version):
            before = placed = placed[:-1]
        if not placed:
            raise ServingError(
                f"no version of {model} was in place before {present.version}, as far as {store} tells; "
                "choose one with: sentiment models default=VERSION"
            )
        serve_again(management, present, placed[-1], store)
        with uninterrupted():
            remember(store, model, placed)  # written first: if killed here, the next rollback or restart completes it
            management.set_default(model, placed[-1])
            write_record(
                records,
                {"model": model, "version": placed[-1], "in_place": present.version, "decision": "rolled back"},
            )
    log.info("%s %s is in place again", model, placed[-1])
    if number(placed[-1]) != number(present.version):
        log.info("%s is still served: sentiment models unregister=%s ends that", present.version, present.version)
    return placed[-1]


def serve_again(management: Management, present: Version, version: str, store: Path) -> None:
    """Ensure that a version is registered and has workers before it becomes the default."""
    served = {number(one.version): one for one in management.versions(present.model)}
    workers = max(1, len(present.workers))
    if number(version) not in served:
        found = [
            one for one in archives(store) if one.model == present.model and number(one.version) == number(version)
        ]
        if not found:
            raise ServingError(f"{present.model} {version} is neither served nor in {store}; bring its archive back")
        management.register(found[0].file, workers=workers)
    elif not served[number(version)].ready:
        management.scale(present.model, version, workers=workers)


def write_record(records: Path, record: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    path = Path(records) / f"{now:%Y-%m-%d_%H-%M-%S}-{record['model']}-{record['version']}.json"
    write_json(path, {"time": now.isoformat(timespec="seconds"), **record})
    log.info("recorded in %s", path)
