"""A monitor's result in sentences, and its numbers as they stand in them."""

from collections.abc import Sequence
from unicodedata import bidirectional

import numpy as np

from sentiment.inference.scales import numbers_of
from sentiment.inference.wording import count as number
from sentiment.monitoring.accuracy import Accuracy, mean
from sentiment.monitoring.changes import FEWEST, Comparison
from sentiment.monitoring.periods import Every
from sentiment.monitoring.result import Result
from sentiment.monitoring.shares import Estimate

MOST_NAMED = 8  # labels in the first sentence, where a text may have several


def caption(series: Sequence[Estimate], whole: Sequence[Estimate], every: Every) -> str:
    counts = [one.n for one in series]
    few, first, last = len(whole) - len(series), series[0].start, series[-1].start
    none = every.number(last) - every.number(first) + 1 - sum(first <= one.start <= last for one in whole)
    left = f"; {number(few, 'period')} with fewer than {FEWEST} texts left out" if few else ""
    left += f"; {number(none, 'period')} without texts, which the lines cross" if none else ""
    each = f"{min(counts):,}" + f" to {max(counts):,}" * (max(counts) > min(counts))
    return f"{sum(counts):,} texts, {each} in a period{left}"


def sentences(result: Result) -> list[str]:
    """Summarise the result for a reader who sees nothing else."""
    one = result.overall
    named = sorted(np.argsort(-one.shares, kind="stable")[:MOST_NAMED]) if one.several else range(len(result.labels))
    colon = ":" if numbers_of(result.labels) else ""
    mix = ", ".join(
        f"{result.labels[j]}{colon} {percent(one.shares[j])} (between {percent(one.low[j])} and {percent(one.high[j])})"
        for j in named
    )
    if rarer := len(result.labels) - len(named):
        mix += f", {rarer} rarer label{'s' * (rarer != 1)}"
    lines = [f"Of {number(one.n, 'text')}: {mix}, with 95 % certainty."]
    if one.several:
        lines.append("A text may have several labels, or none, so the shares need not add up to 100 %.")
    if (mean := one.mean(result.labels)) is not None:
        lines.append(f"The mean label is {mean:+.2f}.")
    if result.timed:
        count = len(result.changes)
        noise = len(result.comparisons) - count
        if count:
            moved = "shares" if one.several else "mix"
            are = "is" if count == 1 else "are"
            lines.append(
                f"{number(count, 'change')} of the {moved} {are} too large for chance; "
                f"{number(noise, 'other movement')} could be noise."
            )
        elif result.comparisons:
            lines.append(f"No change is larger than chance would make it: all {noise:,} movements could be noise.")
        else:
            lines.append("There are too few periods with enough texts to look for changes.")
    if result.accuracy is not None:
        lines.append(errors_sentence(result.accuracy))
    lines.append(result.drift.sentence)
    return lines


def errors_sentence(accuracy: Accuracy) -> str:
    """Say how far off the shares were where the true labels are known."""
    found = mean(accuracy.finest)
    sets = "set of texts" if found["sets"] == 1 else "groups and periods" if accuracy.periods else "groups"
    return (
        f"Where the true labels are known ({found['texts']:,} texts, {found['sets']:,} {sets}), a share is off by "
        f"{100 * found['absolute_error']:.1f} points on average, by {100 * found['counted_absolute_error']:.1f} if the "
        f"labels are counted; the 95 % intervals hold {percent(found['covered'])} of the true shares."
    )


def headline(result: Result, one: Comparison) -> str:
    j = one.largest
    verb = "rose" if one.difference[j] > 0 else "fell"
    return (
        f"{isolated(one.group)}, {result.every.name(one.after.start)}: {result.labels[j]} {verb} from "
        f"{percent(one.before.shares[j])} to {percent(one.after.shares[j])}"
    )


def isolated(name: str) -> str:
    """Keep a name that is written from right to left from turning round the date beside it."""
    return f"\u2068{name}\u2069" if any(bidirectional(sign) in ("R", "AL") for sign in name) else name


def percent(share: float) -> str:
    """Format a share; never 0 % or 100 % for one that is neither."""
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 < share < 1:
        return "over 99 %"
    return f"{100 * float(share):.0f} %"


def points(difference: float) -> str:
    return f"{100 * float(difference):+.0f}".replace("-", "−")


def probability(value: float) -> str:
    return "less than 0.001" if value < 0.001 else f"{value:.3f}"
