"""End-to-end demo on the embedded texts: train, package, serve, predict over REST."""

import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from sentiment.console import console, stop_on_signals
from sentiment.errors import SentimentError
from sentiment.inference.types import Prediction
from sentiment.serving import TorchServe
from sentiment.serving.archive import package
from sentiment.serving.folder import Folder
from sentiment.serving.ports import Port, check_free
from sentiment.shell import for_shell

log = logging.getLogger(__name__)

TEXTS = (
    "Two hours I will never get back.",
    "Funny, warm and over far too soon 😍",
    "Not bad at all, I'd go again.",
    "Doors open at half past six.",
    "@shop my parcel was late, wet and empty. Cheers for nothing.",
)


def demo(
    *, output_dir: Path, model_store: Path, ports: tuple[Port, Port, Port], overrides: tuple[str, ...] = ()
) -> None:
    """Train, package, serve and predict as a user would.

    Args:
        output_dir: Folder of the new run demo-N and of the server's files.
        model_store: Model store of the archive.
        ports: Inference, management and metrics port.
        overrides: Further overrides of the training.

    Raises:
        SentimentError: A stage failed; later stages do not run.
    """
    stop_on_signals()
    for key, port in zip(("inference", "management", "metrics"), ports, strict=True):
        check_free("127.0.0.1", port, f"ports: {key}")  # checked before minutes of training
    folder = Path(output_dir) / f"serve-{ports[0]}"
    Folder(folder).check()
    run = next(path for i in range(1, 10_000) if not (path := Path(output_dir) / f"demo-{i}").exists())
    command = [sys.executable, "-m", "sentiment", "train", f"run_name={run.name}", f"paths.output_dir={output_dir}"]
    if status := run_to_the_end([*command, *overrides]):
        raise SentimentError(f"the training ended with exit status {status}; its reason stands above")
    package(run=run, model_store=Path(model_store))
    inference, management, metrics = ports
    server = TorchServe(
        model_store=model_store, work_dir=folder, models=["sentiment"],
        inference_port=inference, management_port=management, metrics_port=metrics,
    )  # fmt: skip
    log.info("starting TorchServe on %s", server.url)
    with server, server.client() as client:
        show(client.predict(TEXTS), url=server.url)
    log.info("TorchServe stopped")
    log.info("next")
    log.info("  report       open %s", run / "report" / "report.html")
    log.info("  serve        sentiment serve            (then sentiment ui engine=rest)")
    log.info("  predict      sentiment predict %s input=FILE.csv output=OUT.csv", for_shell("run", run))
    log.info("  your data    sentiment train data=files data.train=FILE.csv")


def run_to_the_end(command: Sequence[str]) -> int:
    """Run a command and return its exit status; a signal ends the command first, and raises KeyboardInterrupt."""
    # in a separate process group: Ctrl-C reaches the command once, from here
    with subprocess.Popen(command, process_group=0) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise


def show(predictions: list[Prediction], *, url: str) -> None:
    table = Table("text", "label", "score", title=f"answers of {url}/predictions/sentiment")
    for text, prediction in zip(TEXTS, predictions, strict=True):
        table.add_row(text, prediction.label, f"{prediction.score:.3f}")
    console.print(table)
