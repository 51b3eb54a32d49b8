"""Shortens input for quoting in a sentence: on one line, and always encodable."""

import re

_SURROGATE = re.compile("[\ud800-\udfff]")


def quoted(raw: object, most: int = 40) -> str:
    """Its beginning, at most so many characters of it."""
    return encodable(" ".join(str(raw)[: 4 * most].split())[:most])


def encodable(text: str) -> str:
    """Without halves of surrogate pairs, as JSON can escape them: no report that holds one could be stored."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)
