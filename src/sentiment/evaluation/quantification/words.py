"""Words of a text, as counted for drift and for the evidence of a change."""

import re

from sentiment.inference.preprocessing import Cleaning

CLEANING = Cleaning()  # hides names of users and links, whatever the model's own cleaning does
WORD = re.compile(r"#?[^\W_]+(?:['’-][^\W_]+)*|[\U0001F300-\U0001FAFF\u2600-\u27BF]")
HIDDEN = re.compile(r"@user\b|\bhttp\b")


def shown(text: str) -> str:
    """Return a text for display: without names of users, links and markup."""
    return CLEANING(text)


def words_of(text: str) -> list[str]:
    """List the words, hashtags and emoji of a text in lower case, without names of users and links."""
    return WORD.findall(HIDDEN.sub(" ", shown(text)).lower().replace("’", "'"))
