"""Detects keys that are easy to guess."""

import re
from itertools import pairwise
from typing import Final

MIN_DISTINCT_CHARACTERS: Final = 8
"""Minimum number of distinct characters. Of random keys of 20 hexadecimal digits, the minimum length, one in 1,800
has fewer; of those from `openssl rand -hex 16`, one in 28 million.
"""
COMMON_WORDS: Final = re.compile(
    r"passw|change.?me|letmein|qwert|asdf|secret|admin|welcome|example|replace|default|your.?key|dashboard.?key"
)
PLACEHOLDER: Final = re.compile(r"\$\(|\$\{|`|<.*>|\.\.\.|…")
"""A shell command or placeholder in place of its expansion."""


def is_guessable(key: str) -> bool:
    """Return whether a key has few distinct characters, a repetition, a run, a popular word, or a placeholder."""
    text = key.casefold()
    steps = [ord(after) - ord(before) for before, after in pairwise(text)]
    in_a_row = sum(step in {-1, 0, 1} for step in steps)
    return (
        len(set(text)) < MIN_DISTINCT_CHARACTERS
        or in_a_row > len(steps) * 2 / 3
        or text in (text + text)[1:-1]
        or COMMON_WORDS.search(text) is not None
        or PLACEHOLDER.search(text) is not None
    )
