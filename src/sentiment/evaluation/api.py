"""`sentiment.evaluate`: the scores of a run from Python."""

import os
from collections.abc import Sequence
from pathlib import Path

from sentiment.errors import ConfigError


def evaluate(
    run: str | os.PathLike[str],
    *,
    data: str | Path | None = None,
    split: str = "test",
    output: str | Path | None = None,
    baseline: bool = True,
    overrides: Sequence[str] = (),
) -> dict[str, float]:
    """Score a run on its own or other labelled texts, as `sentiment evaluate` does, and write the report.

    Args:
        run: A run directory, a `Run`, or an export folder where `data` is given.
        data: None for the run's own data; the path of a file, or of a folder with one file a split; or an option of
            the group `data`, such as "sst2", with its settings in `overrides`.
        split: The split to score; a single file is read as this one.
        output: The folder of the results; by default `run`/evaluation/`split`.
        baseline: Score TF-IDF and logistic regression, trained on the run's own texts, beside it in the report.
        overrides: More settings, each "key=value" as on the command line.

    Returns:
        The scores of the split, as in metrics.json: accuracy, f1, auroc, loss and the others.

    Raises:
        ConfigError: A key, a value or the split is wrong.
        DataError: A file, column or label is wrong.
        ModelError: The folder holds no run, or a file of it is missing or damaged.

    Example:
        ```python
        evaluate("outputs/RUN", split="validation")["accuracy"]
        evaluate("outputs/RUN", data="reviews.csv", overrides=["data.text_column=review"])
        ```
    """
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    from sentiment.config import check, compose
    from sentiment.console import quiet_libraries
    from sentiment.evaluation.evaluate import score_run

    words = compose.as_overrides(
        run=os.fspath(run), split=split, output=None if output is None else os.fspath(output)
    ) + [f"baseline={str(baseline).lower()}"]
    words += [*_data_overrides(data, split), *compose.check_overrides(overrides)]
    with compose.user_errors("evaluate"):
        cfg = compose.compose("evaluate", compose.prepare("evaluate", words))
        call = check.call(OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"]), cfg.hydra)
        with quiet_libraries():
            keywords = instantiate(call, _partial_=True).keywords
            return score_run(**keywords).scores[split]


def _data_overrides(data: str | Path | None, split: str) -> list[str]:
    """Return the overrides of a file, a folder, or an option of the group `data`."""
    from sentiment.config.options import options_of
    from sentiment.shell import quote

    if data is None:
        return []
    options = [name for name in options_of("data") if name != "base"]
    if isinstance(data, str) and data in options:
        return [f"data={data}"]
    path = Path(data).expanduser()
    if path.is_dir():
        return ["data=files", f"data.dir={quote(str(path))}"]
    if not path.is_file():
        raise ConfigError(f"data={data}: no such file or folder; give a path, or one of: {', '.join(options)}")
    return ["data=files", f"data.{split}={quote(str(path))}"]
