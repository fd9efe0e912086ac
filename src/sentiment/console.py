"""What a person sees: the composed config as a tree, scores as tables, and calm libraries."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.tree import Tree

if TYPE_CHECKING:
    from sentiment.evaluation import Results
    from sentiment.training import Run

console = Console()


def print_config(cfg: DictConfig) -> None:
    tree = Tree("config", guide_style="dim")
    for key in map(str, cfg):
        value = cfg[key]
        if isinstance(value, DictConfig):
            text = OmegaConf.to_yaml(value, resolve=True).rstrip()
            tree.add(key).add(Syntax(text, "yaml", background_color="default", word_wrap=True))
        else:
            tree.add(f"{key}: {value}")
    console.print(tree)


def scores_table(results: "Results") -> Table:
    """Each score with its 95 % interval, and beside those of the last split the baseline's: 80 columns hold no more."""
    from sentiment.intervals import interval_text  # imports torch, which commands over HTTP do without

    table = Table(title="scores with 95 % intervals")
    table.add_column("metric", no_wrap=True)
    columns: list[tuple[Mapping[str, float], Mapping[str, tuple[float, float]]]] = []
    for name, result in results.evaluations.items():
        table.add_column(name, justify="right")
        columns.append((result.scores, result.intervals))
    if found := results.baseline.get(results.last[0]):
        table.add_column("baseline", justify="right", style="dim")
        columns.append((found.scores, found.intervals))
    for metric in dict.fromkeys(name for scores, _ in columns for name in scores):
        table.add_row(metric, *(interval_text(metric, scores, intervals) for scores, intervals in columns))
    return table


def print_run(run: "Run") -> None:
    console.print(scores_table(run.results))
    folder = run.folder
    console.print(f"run folder   {folder}   (report/report.html, metrics.json, export/)", highlight=False)
    console.print("next", highlight=False)
    for command in (f"package run={folder}", "serve", f"predict run={folder} input=FILE.csv output=OUT.csv"):
        console.print(f"  sentiment {command}", highlight=False, markup=False)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """No advertisements; warnings about the user's own data stay."""
    for name in ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.distributed"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*num_workers.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")
        warnings.filterwarnings("ignore", message="Checkpoint directory .* exists and is not empty")
        warnings.filterwarnings("ignore", message=".*WeightAveraging callback with a model that overrides")
        warnings.filterwarnings("ignore", message="The `srun` command is available")
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")
        yield
