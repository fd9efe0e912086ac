"""Tables and machine-readable results of the monitor: shares.csv, .parquet or .xlsx, changes.json and shares.prom."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa

from sentiment.batch.excel import ExcelEncoder
from sentiment.batch.output import Output
from sentiment.files import replacing, write_text
from sentiment.monitoring.accuracy import Accuracy
from sentiment.monitoring.changes import Comparison
from sentiment.monitoring.evidence import Evidence
from sentiment.monitoring.groups import cells_of, values_of
from sentiment.monitoring.result import Result
from sentiment.remote import remove_files

Table = Literal["csv", "parquet", "xlsx"]
FIELDS = {
    "period": pa.string(), "group": pa.string(), "label": pa.string(), "texts": pa.int64(), "share": pa.float64(),
    "low": pa.float64(), "high": pa.float64(), "counted": pa.float64(), "mean": pa.float64(),
}  # fmt: skip  # mean: of labels that are numbers
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")  # of Prometheus' labels


def share_rows(result: Result) -> list[dict[str, Any]]:
    rows, labels = [], result.labels
    for name, series in result.groups.items():
        for one in series:
            mean = one.mean(labels)
            for j, label in enumerate(labels):
                rows.append(
                    {
                        "period": result.every.name(one.start) if result.timed else "all",
                        **cells_of(name, result.by, FIELDS),
                        "label": label,
                        "texts": one.n,
                        **{key: round(float(getattr(one, attribute)[j]), 6) for key, attribute in SHARES.items()},
                        "mean": None if mean is None else round(mean, 6),
                    }
                )
    return rows


SHARES = {"share": "shares", "low": "low", "high": "high", "counted": "counted"}


def remove_tables(folder: Path) -> None:
    """Remove the tables of an earlier job, which this one may not write."""
    names = (f"{stem}.{table}" for stem in ("shares", "errors") for table in get_args(Table))
    for path in [folder / name for name in names]:
        remove_files([path])


def write_shares(folder: Path, rows: Sequence[dict[str, Any]], tables: Sequence[Table]) -> None:
    """Write the shares with the encoders of the batch job; the mean is a column only where labels are numbers."""
    numeric = any(row["mean"] is not None for row in rows)
    columns = [name for name in rows[0] if numeric or name != "mean"]
    kept = [{name: row[name] for name in columns} for row in rows]
    write_tables(folder / "shares", kept, {name: FIELDS.get(name, pa.string()) for name in columns}, tables)


def write_errors(folder: Path, accuracy: Accuracy, result: Result, tables: Sequence[Table]) -> None:
    """Write the errors of each group, and of each of its periods, with the encoders of the batch job."""
    rows = []
    for one in accuracy.errors:
        period = "all" if one.start is None else result.every.name(one.start)
        errors = one.to_json()
        rows.append({"period": period, **cells_of(one.group, result.by, ("period", *errors)), **errors})
    kinds = dict.fromkeys(errors, pa.float64()) | {"texts": pa.int64()}
    write_tables(folder / "errors", rows, {name: kinds.get(name, pa.string()) for name in rows[0]}, tables)


def write_tables(
    stem: Path, rows: Sequence[dict[str, Any]], kinds: Mapping[str, pa.DataType], tables: Sequence[Table]
) -> None:
    """Write rows as a table of each format."""
    for table in dict.fromkeys(tables):
        target = Output.of(stem.with_suffix(f".{table}"), spreadsheet_safe=table != "parquet")
        encoder = target.encoder(list(kinds), {name: pa.field(name, kind) for name, kind in kinds.items()}, None)
        if isinstance(encoder, ExcelEncoder):
            encoder = replace(encoder, sheet=stem.name)
        part, _ = encoder.encode(rows)
        with replacing(target.path) as temporary:
            encoder.join([part], temporary)


def change_json(result: Result, about: Mapping[str, Any]) -> dict[str, Any]:
    """Build changes.json: the comparisons with the smallest p-values first, the drift, and what made them."""
    return {
        "changes": [
            one_json(one, result.evidence.get(i), result) for i, one in enumerate(result.comparisons) if one.is_change
        ],
        "noise": [one_json(one, None, result) for one in result.comparisons if not one.is_change],
        "drift": result.drift.to_json(),
        **about,
    }


def one_json(one: Comparison, evidence: Evidence | None, result: Result) -> dict[str, Any]:
    labels, every, values = result.labels, result.every, values_of(one.group, result.by)
    found: dict[str, Any] = {
        "group": one.group,
        **({"by": values} if values else {}),
        "period": every.name(one.after.start),
        "compared_with": [every.name(one.since), every.name(one.before.start)],
        "texts": {"before": one.before.n, "after": one.after.n},
        "p_value": one.p_value,
        "corrected_p_value": one.corrected,
        "labels": {
            label: {
                "before": round(float(one.before.shares[j]), 6),
                "after": round(float(one.after.shares[j]), 6),
                "difference": round(float(one.difference[j]), 6),
                "interval": [round(float(one.difference[j] + sign * one.half_width[j]), 6) for sign in (-1, 1)],
            }
            for j, label in enumerate(labels)
            if one.label in (None, j)
        },
    }
    if evidence is not None:
        found["rose" if one.of_later else "fell"] = labels[one.subject]
        found["words"] = [{"word": word.word, "score": round(word.score, 3)} for word in evidence.words]
        found["texts_for_it"] = evidence.texts
    return found


def write_prometheus(path: Path, result: Result, changed: set[tuple[str, int | None]]) -> None:
    """Write the latest period of each group for Prometheus' node exporter; `changed` has the groups and labels."""
    labels, drift = result.labels, result.drift
    gauges: dict[str, tuple[str, list[str]]] = {
        "sentiment_share": ("Estimated share of the label in the latest period", []),
        "sentiment_share_low": ("Lower end of its 95 % interval", []),
        "sentiment_share_high": ("Upper end of its 95 % interval", []),
        "sentiment_share_counted": ("Share of the predicted labels, uncorrected", []),
        "sentiment_texts": ("Texts in the latest period", []),
        "sentiment_period_start_seconds": ("Start of the latest period, since 1970", []),
        "sentiment_change": ("1 if the latest period is a change", []),
        "sentiment_drift": ("1 if the intervals are not to be trusted", [f"sentiment_drift {int(not drift.trusted)}"]),
    }
    for name, series in result.groups.items():
        last = series[-1]
        values = cells_of(name, [NOT_IN_NAMES.sub("_", f"by_{column}") for column in result.by], ())
        group = ",".join(f'{key}="{escaped(value or "")}"' for key, value in values.items())
        for gauge, attribute in zip(list(gauges)[:4], ("shares", "low", "high", "counted"), strict=True):
            gauges[gauge][1].extend(
                f'{gauge}{{{group},label="{escaped(label)}"}} {float(getattr(last, attribute)[j]):.6g}'
                for j, label in enumerate(labels)
            )
        gauges["sentiment_texts"][1].append(f"sentiment_texts{{{group}}} {last.n}")
        gauges["sentiment_period_start_seconds"][1].append(f"sentiment_period_start_seconds{{{group}}} {last.start}")
        for j, label in enumerate(labels) if last.several else [(None, "")]:
            own = f'{group},label="{escaped(label)}"' if last.several else group
            gauges["sentiment_change"][1].append(f"sentiment_change{{{own}}} {int((name, j) in changed)}")
    lines = [
        line
        for gauge, (words, values) in gauges.items()
        for line in (f"# HELP {gauge} {words}", f"# TYPE {gauge} gauge", *values)
    ]
    write_text(path, "\n".join(lines) + "\n")


def escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
