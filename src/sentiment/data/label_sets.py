"""The label set of a dataset: names, order, renaming and consistency checks."""

import logging
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sentiment.data.label_values import finder, meaning, plain_name
from sentiment.data.labelled import Labelled
from sentiment.data.splits import Split
from sentiment.data.tables import label_value
from sentiment.errors import ConfigError, DataError
from sentiment.inference.types import JOINT, Label, list_labels, names_of

log = logging.getLogger(__name__)

MISSING = ("nan", "null", "<na>", "#n/a", "nat")  # missing values, written as text by pandas and spreadsheets
HIDDEN = "-1"  # GLUE's label for every row of a test split whose labels are withheld


def label_names(
    splits: Mapping[str, Split], wanted: Sequence[str] | None, order: Callable[[Iterable[str]], list[str]] = sorted
) -> list[str]:
    """Determine the label set: `wanted` in its order, else the labels of the train split in `order`.

    Raises:
        ConfigError: `wanted` names a label twice.
        DataError: There are fewer than two labels, or neither `wanted` nor a train split.
    """
    if not wanted and "train" not in splits:
        there = f"only {', '.join(splits)}" if splits else "nor any other with labels"
        raise DataError(f"there is no train split, {there}; set data.train=FILE")
    several = any(isinstance(label, tuple) for split in splits.values() for label in split.labels)
    names = list(wanted) if wanted else order(plain_names(all_names(splits["train"])))
    if several and "train" in splits and not any(all_names(splits["train"])):
        raise DataError(
            "no row of the train split has any label, so there is nothing to learn; check data.label_columns, "
            "data.label_column or data.label_separator"
        )
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ConfigError(f"data.labels has {twice[0]!r} twice; name each label once")
    if len(names) < 2:
        raise DataError(f"training needs two labels or more, got {names}; check data.label_column")
    if several and (split := [name for name in names if JOINT in name]):
        told = f"the label {split[0]!r} holds {JOINT}, which parts labels where a text has several"
        raise ConfigError(f"{told}; data.label_map={{{split[0]}: NAME}} renames it")
    return names


def in_order_of(columns: Sequence[str], names: Iterable[str]) -> list[str]:
    """Sort labels by the columns that hold them; those of feedback that no column holds come last."""
    return sorted(names, key=lambda name: (columns.index(name) if name in columns else len(columns), name))


def plain_names(names: Iterable[str]) -> set[str]:
    """Return one name for each meaning, the shortest, and numbers as every format writes them: 1 for 1.0 or 1.00."""
    shortest: dict[object, str] = {}
    for name in sorted(set(map(plain_name, names)), key=lambda name: (len(name), name)):
        shortest.setdefault(meaning(name), name)
    return set(shortest.values())


def all_names(split: Split) -> Iterator[str]:
    """Yield the label of each text, or all of its labels."""
    return (name for label in split.labels for name in names_of(label))


def unify_labels(splits: Mapping[str, Split], names: Sequence[str], *, given: bool) -> dict[str, Split]:
    """Map the labels of all splits to the names of the label set, which was given or comes from the train split.

    Labels that are the same number (5 and 5.0) or the same boolean (True and true) are the same label, because file
    formats write them differently. A test split in which every label is -1 has withheld labels and is dropped.

    Raises:
        DataError: A row has a label outside the label set.
    """
    source, aligned = "the label set" if given else "the train split", dict[str, Split]()
    find = finder(names)
    for name, split in splits.items():
        if name == "test" and HIDDEN not in names and set(split.labels) == {HIDDEN}:
            log.warning("the test split has no labels but %s; it is left out", HIDDEN)
            continue
        other = {label: find(label) for label in dict.fromkeys(all_names(split)) if label not in names}
        for label, known in other.items():
            if known is None:
                row = next(row for row, own in enumerate(split.labels, 1) if label in names_of(own))
                raise DataError(
                    f"{name} row {row} has the label {label!r}, unknown to {source}: "
                    f"{list_labels(names)}; data.label_map={{{label}: NAME}} renames it"
                )
            log.info("the label %r of the %s split is named %r", label, name, known)
        aligned[name] = replace(split, labels=[with_names(label, other, names) for label in split.labels])
    return aligned


def with_names(label: Label, other: Mapping[str, str | None], order: Sequence[str]) -> Label:
    """Return a text's label under its name of the label set; several in the order of the set, each once."""
    if isinstance(label, str):
        return other.get(label) or label
    return tuple(sorted({other.get(name) or name for name in label}, key=order.index))


def rename_labels(splits: Mapping[str, Labelled], names: Mapping[str, str]) -> dict[str, Labelled]:
    """Rename labels by data.label_map, in any spelling of a number; ConfigError if it names a label that no row has."""
    if not names:
        return dict(splits)
    labels = (label for split in splits.values() for label in split.labels if label is not None)
    there = {name for label in labels for name in names_of(label)}
    meant, known = {meaning(label): name for label, name in names.items()}, {*there, *map(meaning, there)}
    if idle := [label for label in names if label not in known and meaning(label) not in known]:
        raise ConfigError(
            f"data.label_map renames {idle[0]!r}, which no row has; there are {list_labels(sorted(there))}"
        )
    renamed = {label: names.get(label, meant.get(meaning(label), label)) for label in there}
    return {
        split: replace(rows, labels=[None if one is None else rename_label(one, renamed) for one in rows.labels])
        for split, rows in splits.items()
    }


def rename_label(label: Label, names: Mapping[str, str]) -> Label:
    return names[label] if isinstance(label, str) else tuple(names[one] for one in label)


def warn_of(splits: Mapping[str, Split], names: Sequence[str]) -> None:
    """Warn about labels that differ only in case or spaces, and about those that validation or test lack."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        alike[look(name)].append(name)
    for group in alike.values():
        if len(group) > 1:
            alone = len({unicodedata.normalize("NFC", name) for name in group}) < len(group)  # repr shows them alike
            listed = " and ".join(map(ascii if alone else repr, group))
            log.warning(
                "the labels %s differ in case, spaces or invisible signs alone; data.label_map makes them one", listed
            )
    if missing := [name for name in names if name.casefold() in MISSING]:
        log.warning(
            "the label %r is how tables write a missing value; empty such cells to leave those rows out", missing[0]
        )
    known, holder = (all_names(splits["train"]), "train") if "train" in splits else (names, "the model")
    for split in ("validation", "test"):
        if split in splits and (lacking := sorted({*known} - {*all_names(splits[split])})):
            told = "in averages over the labels (f1, macro_recall) it counts 0 where the model gives it"
            log.warning(
                "the %s split has no row with the label %s, which %s has; %s", split, list_labels(lacking), holder, told
            )


def look(name: str) -> str:
    """Return a label without what a reader hardly sees: case, spaces, composition of letters, invisible signs."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(sign for sign in folded if not sign.isspace() and unicodedata.category(sign) != "Cf")


def label_mapping(names: Mapping[Any, Any] | None) -> dict[str, str]:
    """Convert data.label_map to strings the way cells are read; ConfigError if a label or a name is empty."""
    mapping: dict[str, str] = {}
    for label, name in (names or {}).items():
        key, value = label_value(label, "data.label_map"), label_value(name, "data.label_map")
        if key is None or value is None:
            raise ConfigError(f"data.label_map={dict(names or {})}: expected a name for each label, as {{0: negative}}")
        mapping[key] = plain_name(value)
    return mapping
