"""Conversion of Hydra's sweep syntax, such as choice(a, b) and tag(log, interval(1, 9)), to Optuna's distributions."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep, Transformer

from sentiment.errors import ConfigError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


def split_overrides(overrides: Mapping[str, Override]) -> tuple[list[str], dict[str, "BaseDistribution"]]:
    """Separate the overrides shared by all trials from the searched keys, and convert these to distributions."""
    fixed = [one.input_line or key for key, one in overrides.items() if not one.is_sweep_override()]
    return fixed, {key: distribution(one) for key, one in overrides.items() if one.is_sweep_override()}


def distribution(override: Override) -> "BaseDistribution":
    """Convert a sweep override to an Optuna distribution.

    As in Hydra, an interval is of real numbers unless cast with int(), and a range excludes its stop.

    Raises:
        ConfigError: Optuna rejects the bounds or the step.
    """
    from optuna.distributions import CategoricalDistribution

    sweep: Any = override.value()
    choices: Any = override.sweep_iterator(transformer=Transformer.encode) if override.is_discrete_sweep() else ()
    try:
        if isinstance(sweep, IntervalSweep):
            return numbers(sweep.start, sweep.end, log="log" in sweep.tags)
        if isinstance(sweep, RangeSweep) and not sweep.shuffle:
            points = list(sweep.range())
            return numbers(min(points), max(points), step=abs(sweep.step))
        return CategoricalDistribution([*choices])
    except ValueError as error:
        raise ConfigError(f"{override.input_line}: {error}") from error


def probes(space: Mapping[str, "BaseDistribution"]) -> Iterator[dict[str, Any]]:
    """Yield a few trials that together cover the ends of each interval and each choice, to validate all of them."""
    ends = {key: list(getattr(one, "choices", ())) or [one.low, one.high] for key, one in space.items()}  # type: ignore[attr-defined]
    for i in range(max(map(len, ends.values()))):
        yield {key: values[i % len(values)] for key, values in ends.items()}


def numbers(low: Any, high: Any, **kind: Any) -> "BaseDistribution":
    from optuna.distributions import FloatDistribution, IntDistribution

    whole = all(isinstance(value, int) for value in (low, high, kind.get("step", 1)))
    return IntDistribution(low, high, **kind) if whole else FloatDistribution(low, high, **kind)
