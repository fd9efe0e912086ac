"""Word attributions as marked text: words that speak for a label in the colour of its bar, each side with its line."""

from collections.abc import Iterator
from html import escape

from sentiment.inference.types import Explanation, Word
from sentiment.monitoring.palette import colours
from sentiment.ui import render

LEVELS = (0.2, 0.45, 0.75)  # fractions of the strongest attribution; words below the first are not marked
WEAK = 0.02  # log-odds, at most half a percentage point; nothing is marked if the strongest is below
NAMED = 3  # words per side in the sentence


def words(explanation: Explanation) -> str:
    label, aspect = escape(explanation.target), explanation.aspect
    toward = "" if aspect is None else f" toward “{escape(aspect)}”"
    labels = list(explanation.prediction.probabilities)
    colour = colours(labels)[labels.index(explanation.target)]
    strongest = max((abs(word.attribution) for word in explanation.words), default=0.0)
    if strongest < WEAK:
        return render.empty(f"No single word decides this: the text as a whole reads {explanation.target}.")
    return (
        f'<section class="answer series-{colour}" aria-label="Words">'
        f'<h3 class="title">What the words add to “{label}”{toward}</h3>'
        f'<p class="text">{"".join(mark_words(explanation, strongest))}</p>'
        f'<p class="legend"><span><mark class="for l2">shaded, solid line</mark> speaks for {label}</span>'
        '<span><mark class="against l2">dotted line</mark> speaks against it</span>'
        "<span>a thicker line is stronger</span></p>"
        f"{sentence(explanation.words)}</section>"
    )


def mark_words(explanation: Explanation, strongest: float) -> Iterator[str]:
    """Yield the text in pieces; letters between the words are marked as unread."""
    at, text = 0, explanation.text
    for word in explanation.words:
        yield between(text[at : word.start])
        yield mark(word, strongest)
        at = word.end
    yield between(text[at:])


def between(text: str) -> str:
    return f'<span class="unread">{escape(text)}</span>' if any(map(str.isalnum, text)) else escape(text)


def mark(word: Word, strongest: float) -> str:
    level = sum(abs(word.attribution) >= bound * strongest for bound in LEVELS)
    if not level:
        return escape(word.text)
    side = "for" if word.attribution > 0 else "against"
    return f'<mark class="{side} l{level}" title="{word.attribution:+.2f} in log-odds">{escape(word.text)}</mark>'


def sentence(found: tuple[Word, ...]) -> str:
    """List the strongest words for and against the label, for readers who cannot see the marks."""
    ranked = sorted(found, key=lambda word: -abs(word.attribution))
    least = LEVELS[0] * abs(ranked[0].attribution)
    parts = []
    for name, sign in (("for it", 1), ("against it", -1)):
        some = [word.text for word in ranked if word.attribution * sign >= least][:NAMED]
        if some:
            parts.append(f"{name}: {', '.join(some)}")
    return f'<p class="named">Most {escape("; ".join(parts))}.</p>'
