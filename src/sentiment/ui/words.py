"""The words of a text, marked by what each adds to a label: by colour and, for eyes that part none, by the line."""

from collections.abc import Iterator
from html import escape

from sentiment.inference.types import Explanation, Word
from sentiment.ui import render

LEVELS = (0.2, 0.45, 0.75)  # of the strongest word's attribution; a weaker word than the first is left as it is
WEAK = 0.02  # log-odds, half a percentage point at most; where the strongest word adds less, no word stands out
NAMED = 3  # words told in the sentence


def words(explanation: Explanation) -> str:
    label = escape(explanation.target)
    strongest = max((abs(word.attribution) for word in explanation.words), default=0.0)
    if strongest < WEAK:
        return render.empty(f"No single word decides this: the text as a whole reads {explanation.target}.")
    return (
        f'<section class="answer" aria-label="Words"><h3 class="title">What the words add to “{label}”</h3>'
        f'<p class="text">{"".join(marked(explanation, strongest))}</p>'
        f'<p class="legend"><span><mark class="for l2">solid line, blue</mark> speaks for {label}</span>'
        '<span><mark class="against l2">dotted line, orange</mark> speaks against it</span>'
        "<span>thicker and darker is stronger</span></p>"
        f"{sentence(explanation.words)}</section>"
    )


def marked(explanation: Explanation, strongest: float) -> Iterator[str]:
    """The text in its pieces; what lies between the words and holds letters was not read."""
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
    """The strongest words of each side, for those who cannot see the marks."""
    ranked = sorted(found, key=lambda word: -abs(word.attribution))
    least = LEVELS[0] * abs(ranked[0].attribution)
    parts = []
    for name, sign in (("for it", 1), ("against it", -1)):
        some = [word.text for word in ranked if word.attribution * sign >= least][:NAMED]
        if some:
            parts.append(f"{name}: {', '.join(some)}")
    return f'<p class="named">Most {escape("; ".join(parts))}.</p>'
