"""Settings of a predictor: declared once, by `Predictor.from_pretrained`, for all that opens one."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def with_settings_of(public: Callable[..., Any], *, but: str) -> Callable[[F], F]:
    """Put the keyword-only parameters of another class method, but one, in the place of a function's `**settings`.

    Configs are checked against the signature of what they name, so it has to show each of them.
    """
    declared = inspect.signature(getattr(public, "__func__", public)).parameters.values()
    settings = [one for one in declared if one.kind is one.KEYWORD_ONLY and one.name != but]

    def declare(function: F) -> F:
        own = inspect.signature(function)
        kept = [one for one in own.parameters.values() if one.kind is not one.VAR_KEYWORD]
        function.__signature__ = own.replace(parameters=[*kept, *settings])  # type: ignore[attr-defined]
        function.__annotations__ |= {one.name: one.annotation for one in settings}
        return function

    return declare
