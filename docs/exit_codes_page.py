"""reference/exit-codes.md: the exit status of a command for each exception of `sentiment.errors`."""

import inspect

from sentiment import errors

PAGE = """\
# Exit codes

Made from `sentiment.errors`. An error is one line that starts with `error:` and states the problem, the value received
and the fix. In Python it is the exception of the same line of this table, a subclass of `SentimentError`.

| status | meaning |
|---|---|
{codes}

| exception | status | raised for |
|---|---|---|
{rows}
"""


def render() -> str:
    """Return the page, with the descriptions of the tree in the module's docstring."""
    rows = []
    for line in (inspect.getdoc(errors) or "").splitlines():
        name, _, text = line.lstrip("│├└─ ").partition(" ")
        made = getattr(errors, name, None)
        if text and isinstance(made, type) and issubclass(made, errors.SentimentError):
            rows.append(f"| `{name}` | {made.exit_code} | {text.strip()} |")
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in errors.EXIT_CODES.items())
    return PAGE.format(rows="\n".join(rows), codes=codes)
