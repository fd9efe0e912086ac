"""Behaviour tests of a classifier from templates: minimum functionality, invariance and directional expectation.

Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList".
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.data.tables import TableOptions, open_table
from sentiment.errors import DataError
from sentiment.evaluation.proportions import clopper_pearson
from sentiment.inference.pairs import Pair, Text, display
from sentiment.inference.types import Prediction, names_of

COLUMNS, ASPECT = ["kind", "text", "label"], "aspect"
KINDS = ("minimum", "invariance", "direction")
TOLERANCE = 0.1  # by which the probability of a label may fall in a directional test, as in CheckList
RESAMPLES = 9999  # of the permutation test
CHANCE = 0.05  # level of the test for a worse version, over all capabilities together
SHOWN = 5  # failed cases in behaviour.json
CHOICES, VARIANTS = re.compile(r"\[([^\[\]]*\|[^\[\]]*)\]"), re.compile(r"\{([^{}]*\|[^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Case:
    """One test: one text of a known label, or several variants that are compared."""

    template: int  # row of the file
    kind: str
    texts: tuple[Text, ...]
    label: str

    def fails(self, predictions: Sequence[Prediction]) -> bool:
        """Test the predictions of `texts`; a text that the model cannot read is a failure of minimum functionality."""
        first, *others = predictions
        if self.kind == "minimum":
            return not first.decided or self.label not in names_of(first.answer)
        if self.kind == "invariance":
            return any(other.answer != first.answer for other in others)
        before = first.probabilities.get(self.label, 0.0)  # another version may have other labels
        return any(before - other.probabilities.get(self.label, 0.0) > TOLERANCE for other in others)


@dataclass(frozen=True)
class Capability:
    """The cases of one file."""

    name: str
    cases: list[Case]

    def judge(self, predictions: Mapping[Text, Prediction]) -> "Outcome":
        failed = [case.fails([predictions[text] for text in case.texts]) for case in self.cases]
        return Outcome(self.name, self.cases, failed)


@dataclass(frozen=True)
class Outcome:
    """Failed cases of one capability."""

    name: str
    cases: list[Case]
    failed: list[bool]

    @property
    def rate(self) -> float:
        return sum(self.failed) / len(self.failed)

    @cached_property
    def rates(self) -> dict[int, float]:
        """Failure rate of each template."""
        found: dict[int, list[bool]] = {}
        for case, failed in zip(self.cases, self.failed, strict=True):
            found.setdefault(case.template, []).append(failed)
        return {template: sum(some) / len(some) for template, some in found.items()}

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the rate (Clopper and Pearson 1934); the cases of one template count as one observation."""
        n = len(self.rates)
        return clopper_pearson(self.rate * n, n)

    def to_json(self) -> dict[str, Any]:
        some = [[*map(display, case.texts)] for case, failed in zip(self.cases, self.failed, strict=True) if failed][
            :SHOWN
        ]
        counts = {"cases": len(self.cases), "templates": len(self.rates), "failures": sum(self.failed)}
        return {**counts, "rate": self.rate, "interval": self.interval, "examples": some}


def read_behaviour(
    folder: Path, labels: Sequence[str], *, aspects: bool = False, key: str = "behaviour"
) -> list[Capability]:
    """Read the templates of each CSV file in a folder.

    Args:
        folder: The folder.
        labels: Of the model; a template with another label is left out.
        aspects: The model reads aspects. A template needs one then, in a fourth column, or is left out; without, one
            that has an aspect is left out.
        key: Of the configuration, for messages.

    Raises:
        DataError: The folder has no CSV file, or a row is no template.
    """
    files = sorted(Path(folder).glob("*.csv"))
    if not files:
        what = "no .csv files in it" if Path(folder).is_dir() else "no such folder"
        raise DataError(f"{key}={folder}: {what}; name a folder of templates, or {key}=null")
    found = [Capability(path.stem, list(cases_of(path, labels, aspects=aspects))) for path in files]
    return [capability for capability in found if capability.cases]


def cases_of(path: Path, labels: Sequence[str], *, aspects: bool) -> list[Case]:
    table = open_table(path, TableOptions(separator=",", encoding="utf-8", quoting="double"))
    if table.columns not in (COLUMNS, [*COLUMNS, ASPECT]):
        raise DataError(
            f"{path}: expected the columns {','.join(COLUMNS)} and, for a model that reads aspects, {ASPECT}; got "
            f"{','.join(table.columns)}"
        )
    known = {label.lower(): label for label in labels}
    cases = []
    for number, row in enumerate(table.rows(), 1):
        kind, label, aspect = row["kind"], row["label"], row.get(ASPECT, "").strip()
        wrong = next(faults(kind, row["text"], label), None)
        if wrong:
            raise DataError(f"{path}, row {number}: {wrong}")
        if (not label or label.lower() in known) and bool(aspect) == aspects:
            own = Case(number, kind, (), known.get(label.lower(), ""))
            for texts in expand(row["text"]):
                cases.append(replace(own, texts=tuple(Pair(text, aspect) for text in texts) if aspect else texts))
    return cases


def faults(kind: str, text: str, label: str) -> Iterator[str]:
    """Yield what is wrong with a row."""
    if kind not in KINDS:
        yield f"kind={kind!r}: expected {', '.join(KINDS)}"
    elif not text.strip():
        yield "text is empty"
    elif (kind != "minimum") != bool(VARIANTS.search(text)):
        yield f"a test of kind {kind} has {'no ' if kind == 'minimum' else ''}variants in braces, {{a|b}}"
    elif (kind == "invariance") == bool(label):
        yield f"a test of kind {kind} has {'no' if kind == 'invariance' else 'a'} label"


def expand(template: str) -> list[tuple[str, ...]]:
    """Return the texts of each case of a template: a case for each choice in brackets, a text for each variant."""
    parts = CHOICES.split(template)
    choices = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
    return [variants("".join(chosen)) for chosen in product(*choices)]


def variants(text: str) -> tuple[str, ...]:
    """Return the variants of a text; those of several braces go together."""
    parts = VARIANTS.split(text)
    options = [part.split("|") if at % 2 else [part] for at, part in enumerate(parts)]
    count = max(map(len, options))
    return tuple("".join(some[min(i, len(some) - 1)] for some in options) for i in range(count))


def texts_of(capabilities: Sequence[Capability]) -> list[Text]:
    """Return all texts once."""
    return list(dict.fromkeys(text for one in capabilities for case in one.cases for text in case.texts))


def judge(capabilities: Sequence[Capability], predict: Callable[[list[Text]], list[Prediction]]) -> list[Outcome]:
    """Judge a classifier by its predictions for all texts."""
    texts = texts_of(capabilities)
    predictions = dict(zip(texts, predict(texts), strict=True))
    return [capability.judge(predictions) for capability in capabilities]


def worse(now: Sequence[Outcome], before: Sequence[Outcome]) -> list[tuple[Outcome, Outcome]]:
    """Return the capabilities at which a version fails more than another, beyond chance.

    A paired permutation test over templates (random signs of their differences), one-sided, at CHANCE over all
    capabilities together (Bonferroni).
    """
    return [(one, other) for one, other in zip(now, before, strict=True) if chance(one, other) < CHANCE / len(now)]


def chance(now: Outcome, before: Outcome) -> float:
    """Return the probability of such an increase in failures if neither version were worse."""
    apart = np.array([now.rates[template] - rate for template, rate in before.rates.items()])
    if not apart.any() or len(apart) < 2:
        return 1.0
    signs = np.random.default_rng(0).choice((-1, 1), (RESAMPLES, len(apart)))
    return float((1 + np.sum(signs @ apart >= apart.sum() - 1e-9)) / (1 + RESAMPLES))
