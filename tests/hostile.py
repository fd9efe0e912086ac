"""Texts made to cost much or to break a step, each by its length in characters, and how their cost is compared."""

import time
from collections.abc import Callable
from typing import Any

GRAVE, CEDILLA, EYELASH = "\u0301", "\u0327", "\U0001d16e"
HOSTILE: dict[str, Callable[[int], str]] = {
    "marks of two classes": lambda n: "a" + (GRAVE + CEDILLA) * (n // 2),
    "marks in reverse order": lambda n: "a" + GRAVE * (n // 2) + CEDILLA * (n // 2),
    "marks that decompose": lambda n: "a" + "\u0f73\u0344" * (n // 2),
    "marks parted by what is removed": lambda n: "a" + (GRAVE + CEDILLA + "\u200b") * (n // 3),
    "marks up to the bound": lambda n: ("a" + GRAVE * 15 + CEDILLA * 15) * (n // 31),
    "marks beside signs": lambda n: (GRAVE * 30 + "\u263a") * (n // 31),
    "music": lambda n: "\U0001d160" * n,
    "one letter": lambda n: "a" * n,
    "one word piece a word": lambda n: "a " * (n // 2),
    "spaces": lambda n: " " * n + "a",
    "zero-width": lambda n: "\u200b" * n + "a",
    "joiners": lambda n: "a" + "\u200d\ufe0f" * (n // 2),
    "controls": lambda n: "\x00\x1b" * (n // 2) + "a",
    "private use": lambda n: "\ue000" * n + "a",
    "direction": lambda n: "\u202e\u2066" * (n // 2) + "a",
    "ligatures": lambda n: "\ufdfa" * n,
    "jamo": lambda n: "\u1100\u1161\u11a8" * (n // 3),
    "ideographs": lambda n: "\u4e00" * n,
    "emoji": lambda n: "\U0001f600" * n,
    "emoji joined": lambda n: "\U0001f469\u200d" * (n // 2),
    "emoji joined to words": lambda n: "a\U0001f469\u200d" * (n // 3),
    "skin tones": lambda n: "\U0001f44d" + "\U0001f3fd" * n,
    "flags": lambda n: "\U0001f1e9" * n,
    "tags of a flag": lambda n: "\U0001f3f4" + "\U000e0067" * n,
    "keycaps": lambda n: "1\ufe0f\u20e3" * (n // 3),
    "mouths": lambda n: ":" + ")" * n + "a",
    "mouths at words": lambda n: "a" + ":(" * (n // 2) + "a",
    "eyes": lambda n: ":" * n,
    "noses": lambda n: "a:-" * (n // 3),
    "hearts": lambda n: "a<" + "3" * n,
    "capitals": lambda n: "AB " * (n // 6) + "A" * (n // 2),
    "marked capitals": lambda n: "xxup " * (n // 7),
    "punctuation": lambda n: "!" * n,
    "dashes": lambda n: ("\u2014" * 30 + "a") * (n // 31),
    "open tags": lambda n: "<a" * (n // 2),
    "open comments": lambda n: ("<!--" + "-" * 199) * (n // 203),
    "tags as long as they may be": lambda n: ("<a" + "b" * 199) * (n // 201),
    "addresses": lambda n: "http://www." * (n // 11),
    "mentions": lambda n: "@a.@" * (n // 4),
    "ampersands": lambda n: "&" * n,
    "references without digits": lambda n: "&#" * (n // 2),
    "one long reference": lambda n: "&#" + "1" * n,
    "one long hexadecimal reference": lambda n: "&#x" + "f" * n + ";",
    "overlong references": lambda n: ("&#" + "1" * 33 + ";") * (n // 36),
    "unknown names": lambda n: ("&" + "z" * 32) * (n // 33),
    "escaped again and again": lambda n: "&amp;" * (n // 5),
}
TRIES = 5
LONGER = 16  # times: what is linear takes about as many times as long, what is quadratic 256


def growth(step: Callable[[str], Any], make: Callable[[int], str], length: int) -> float:
    """Return how many times as long `step` takes of a text LONGER times as long, at the best of some tries.

    The time is that of this process on a processor. What is quadratic takes LONGER times too long at every try; what
    is linear can seem so at one, where another process has taken the caches.
    """

    def least(text: str) -> float:
        times = []
        for _ in range(4):
            started = time.process_time()
            step(text)
            times.append(time.process_time() - started)
        return min(times) + 2e-5  # what cannot be measured

    short, long = make(length), make(LONGER * length)
    best = float("inf")
    for _ in range(TRIES):
        best = min(best, least(long) / least(short))
        if best < 2 * LONGER:
            break
    return best
