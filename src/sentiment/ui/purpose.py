"""The purpose of the model in one line: its language, its labels, and where the behaviour tests found it weak."""

from collections import Counter
from functools import lru_cache
from html import escape
from pathlib import Path

from sentiment.config.extras import is_installed
from sentiment.errors import SentimentError
from sentiment.files import read_json_if_any
from sentiment.inference.types import list_labels
from sentiment.run_dir import BEHAVIOUR
from sentiment.ui.app_state import AppState

ENGLISH = {"the", "to", "and", "a", "of", "is", "in", "it", "for", "i"}
COMMONEST, FEWEST = 20, 5  # English: at least FEWEST of its words are among the COMMONEST of the validation texts
WEAK = 0.2  # failure rate that is worth a word
NAMED = 3


def purpose(desk: AppState) -> str:
    """Render the line; empty while the model does not answer."""
    model = desk.backend.state().model
    if model is None:
        return ""
    *first, last = model.labels
    several = (model.task or {}).get("kind") == "multi"
    answers = f"any of {list_labels(model.labels)}" if several else f"{list_labels(first)} or {list_labels([last])}"
    line = f"{language(desk.run)} Its answer is {answers}."
    if spots := weak_spots(desk.run):
        line += f" Tests found it weak at {join_words(spots)}."
    return f'<p class="purpose">{escape(line)}</p>'


@lru_cache(maxsize=4)
def language(run: Path | None) -> str:
    """Say which texts the model knows, by the common words of its validation texts."""
    unknown = "For texts like those it was trained on."
    if run is None or not is_installed("sentiment.evaluation"):
        return unknown
    from sentiment.evaluation.quantification.reference import read_reference
    from sentiment.inference.export_dir import export_folder

    try:
        reference = read_reference(export_folder(run))
    except SentimentError:
        return unknown
    if reference is None:
        return unknown
    common = Counter(word for words in reference.words for word in words).most_common(COMMONEST)
    return "For English texts." if len(ENGLISH & {word for word, _ in common}) >= FEWEST else unknown


def weak_spots(run: Path | None) -> list[str]:
    """List the capabilities that fail most in the behaviour tests of a run, with their failure rates."""
    found = (run and read_json_if_any(run / BEHAVIOUR)) or {}
    rates = sorted(((one["rate"], name) for name, one in found.items()), reverse=True)
    return [f"{name} ({rate:.0%} wrong)" for rate, name in rates if rate >= WEAK][:NAMED]


def join_words(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
