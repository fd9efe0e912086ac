"""HTML fragments of the page, readable with a screen reader; all user text is escaped here."""

from collections.abc import Mapping, Sequence
from html import escape

from sentiment.inference.exclusive import Scale
from sentiment.inference.multilabel import Multi
from sentiment.inference.tasks import SINGLE, Decoding, decoding_of
from sentiment.inference.types import Model, Prediction, list_labels, names_of
from sentiment.monitoring.palette import colours
from sentiment.ui.backend import State

READ = {"head": "its beginning", "tail": "its end", "head_tail": "its beginning and its end"}
SMALL_PART = 0.1  # share of unread word pieces that is not worth a word
UNREADABLE = "The model knows too little of this text to say anything: {}. No label is given."
REASONS = {
    "script": "{} in another script than the model learned, or in signs it does not know",
    "spelling": "its words are spelled like none that the model knows",
    "language": "it is in another language than the texts that the model has learned from",
    "nothing": "it has no words",
    None: "it is in another script or language than the model learned, in signs that it does not know, or no words",
}
ABSTAINED = (
    "The model is not sure enough: to keep the promised share of errors, this text is left to a person. The bars show "
    "what it would have guessed."
)
UNSURE = 0.2  # lead of the most probable label below which the answer is called unsure
SIGNS = {"problem": "!", "done": "✓", "hint": "i"}


def percent(share: float) -> str:
    """Format a fraction as "97.8%"; one strictly between 0 and 1 is never rounded to 0% or 100%."""
    if share > 0.9995 and share < 1:
        return "over 99.9%"
    if 0 < share < 0.0005:
        return "under 0.1%"
    return f"{share:.1%}"


def notice(text: str, kind: str = "problem") -> str:
    role = "alert" if kind == "problem" else "status"
    return (
        f'<p class="notice {kind}" role="{role}"><b aria-hidden="true">{SIGNS[kind]}</b><span>{escape(text)}</span></p>'
    )


def details(title: str, text: str) -> str:
    return f"<details><summary>{escape(title)}</summary><p>{escape(text)}</p></details>"


def sentences(lines: Sequence[str]) -> str:
    return "".join(f'<p class="sentence">{escape(line)}</p>' for line in lines)


def empty(text: str) -> str:
    return f'<p class="empty">{escape(text)}</p>'


def bars(
    shares: Mapping[str, float],
    counts: Mapping[str, int] | None = None,
    *,
    given: Sequence[str] | None = None,
    thresholds: Sequence[float] = (),
) -> str:
    """Render a bar for each label in the label's colour, with the given ones in bold, by default the largest.

    A line on each bar marks its threshold, if there are any.
    """
    best = [max(shares, key=shares.__getitem__)] if given is None else given
    marks = [f'<i style="left:{one:.1%}"></i>' for one in thresholds] or [""] * len(shares)
    drawn = [
        bar(name, share, name in best, colour, counts, mark)
        for (name, share), colour, mark in zip(shares.items(), colours(list(shares)), marks, strict=True)
    ]
    return f'<ul class="bars">{"".join(drawn)}</ul>'


def bar(name: str, share: float, best: bool, colour: int, counts: Mapping[str, int] | None, mark: str) -> str:
    rows = f"{counts[name]:,} · " if counts else ""
    return (
        f'<li class="series-{colour}{" best" if best else ""}"><span class="name">{escape(name)}</span>'
        f'<span class="track" aria-hidden="true"><span style="width:{share:.1%}"></span>{mark}</span>'
        f'<span class="value">{rows}{percent(share)}</span></li>'
    )


def answer(prediction: Prediction, state: State, *, title: str = "") -> str:
    """Render the predicted label and all probabilities; of a text that cannot be read, that it cannot."""
    head = f'<h3 class="title">{escape(title)}</h3>' if title else ""
    label = f"<strong>{escape(prediction.label)}</strong> <span>{percent(prediction.score)} probable</span>"
    if prediction.labels is not None:
        label = f"<strong>{escape(list_labels(prediction.labels)) or 'none of the labels'}</strong>"
    if prediction.value is not None and prediction.interval is not None:
        value, (low, high) = minus(f"{prediction.value:z.2f}"), (minus(f"{end:g}") for end in prediction.interval)
        label += f" <span>value {value}, 90 % between {low} and {high}</span>"
    if (polarity := prediction.polarity) is not None and prediction.readable is not False:
        label += f" <span>polarity {minus(f'{polarity:+z.2f}')}</span>"
    if prediction.readable is False:
        what = "it, or the aspect beside it, is" if state.model and state.model.aspects else "it is"
        label = "<strong>cannot be read</strong>"
        rest = notice(UNREADABLE.format(REASONS[prediction.reason].format(what)), "hint")
    else:
        task = decoding(prediction, state.model)
        marks = thresholds(prediction, task)
        rest = bars(prediction.probabilities, given=names_of(prediction.answer), thresholds=marks)
        rest += told_thresholds(marks) + unsure(prediction, task) + partly(prediction) + truncation(prediction, state)
        if prediction.abstained:
            label = f"<strong>left to a person</strong> <span>perhaps {escape(prediction.label)}</span>"
            rest = notice(ABSTAINED, "hint") + rest
    return f'<section class="answer" aria-live="polite">{head}<p class="verdict">{label}</p>{rest}</section>'


def minus(number: str) -> str:
    return number.replace("-", "−")


def decoding(prediction: Prediction, model: Model | None) -> Decoding:
    """Return how a model decides; the usual way, of which nothing is said, where one with other labels answered."""
    if model is None or list(model.labels) != list(prediction.probabilities):
        return SINGLE
    return decoding_of(model.task)


def thresholds(prediction: Prediction, task: Decoding) -> tuple[float, ...]:
    """Return the threshold of each of several labels; none where others decided."""
    if prediction.labels is None or not isinstance(task, Multi):
        return ()
    pairs = zip(prediction.probabilities.items(), task.thresholds, strict=True)
    fits = all((label in prediction.labels) == (share >= threshold) for (label, share), threshold in pairs)
    return task.thresholds if fits else ()


def told_thresholds(marks: Sequence[float]) -> str:
    if not marks:
        return ""
    same = f", from {percent(marks[0])} on" if len({*marks}) == 1 else ""
    return f'<p class="note">A label is given where its bar reaches the line{same}.</p>'


def unsure(prediction: Prediction, task: Decoding) -> str:
    """Say that two labels are about as probable, or that the most probable one of a scale is not the answer.

    A model that abstains says so by itself.
    """
    ranked = sorted(prediction.probabilities, key=lambda label: -prediction.probabilities[label])
    best, other = ranked[0], ranked[min(1, len(ranked) - 1)]
    lead = prediction.probabilities[best] - prediction.probabilities[other]
    if isinstance(task, Scale) and prediction.label != best:
        told = f"{best} is more probable than {prediction.label}, but the answer is {task.described}."
        return notice(told, "hint")
    if prediction.abstained is not None or prediction.labels is not None or best == other or lead >= UNSURE:
        return ""
    return notice(f"The model is unsure: {best} is only a little more probable than {other}.", "hint")


def partly(prediction: Prediction) -> str:
    """Say what share of a text was not read, from a tenth of its word pieces on."""
    if (share := prediction.unreadable or 0.0) < SMALL_PART:
        return ""
    told = f"The model could not read {percent(share)} of this text: signs, letters or words that it does not know."
    return notice(told, "hint")


def truncation(prediction: Prediction, state: State) -> str:
    if not prediction.truncated:
        return ""
    part = READ.get(state.model.truncation, "a part") if state.model else "a part"
    told = f"The text is longer than the model reads: it has read {part}, {prediction.tokens} word pieces."
    return notice(told, "hint")


def status(state: State, where: str) -> str:
    if state.model:
        name = f"{state.model.name} {state.model.version}".strip()
        kind, told = "up", f"<strong>Ready:</strong> {escape(name)} {escape(where)}"
    else:
        kind = "down"
        told = (
            "<strong>The model does not answer.</strong> This page asks again by itself every few seconds; "
            "your text stays here."
        )
    return f'<p class="status {kind}"><b aria-hidden="true"></b><span>{told}</span></p>'


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    rows = [f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs]
    return f'<dl class="facts">{"".join(rows)}</dl>'


def model_facts(model: Model, where: str) -> str:
    read = READ.get(model.truncation, model.truncation)
    default = f"; where none is given, {model.default_aspect}" if model.default_aspect else ""
    return facts(
        [
            ("Model", model.name),
            *([("Version", model.version)] if model.version else []),
            ("Where", where),
            ("Labels", list_labels(model.labels)),
            ("Reads", f"up to {model.max_length} word pieces of a text; of a longer one {read}"),
            *([("Beside it", f"an aspect{default}")] if model.aspects else []),
        ]
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str, *, kind: str = "") -> str:
    """Render a table; numbers are right-aligned, cells of the kind "prose" left-aligned."""
    header = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = [f'<th scope="row">{escape(first)}</th>{cells(others)}' for first, *others in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    region = f'class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}"'
    return (
        f'<div {region}><table class="{kind}"><caption>{escape(caption)}</caption><tr>{header}</tr>{body}</table></div>'
    )


def cells(values: Sequence[str]) -> str:
    return "".join(f"<td>{escape(value)}</td>" for value in values)
