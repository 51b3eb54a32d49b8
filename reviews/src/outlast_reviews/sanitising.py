"""Excerpts and quotes of untrusted texts, sanitised and truncated for a report (pure)."""

import unicodedata
from collections.abc import Iterable, Sequence

LONGEST_EXCERPT = 300
LONGEST_QUOTE = 200
_CONTEXT = 60
"""Characters shown before the first quote, where the text is longer than an excerpt."""
_KEPT_FORMATS = "\u200c\u200d"
"""Zero-width joiners of emoji and some scripts; all other invisible characters are removed."""


def sanitised(text: str) -> str:
    """Remove control and direction characters and lone surrogates, and collapse white space."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    if not whole.isascii() or not whole.isprintable():
        whole = "".join(c for c in whole if c in _KEPT_FORMATS or c.isspace() or not _invisible(c))
    return " ".join(whole.split())


def truncated(text: str, longest: int) -> str:
    """Sanitise, and cut to `longest` characters with an ellipsis."""
    text = sanitised(text)
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def sanitised_quotes(quotes: Iterable[str]) -> list[str]:
    """Sanitise quotes so that each stays a part of the sanitised text; cut a long one into two pieces."""
    pieces = (piece for quote in quotes for piece in _pieces(sanitised(quote)))
    return [piece for piece in dict.fromkeys(pieces) if piece]


def _pieces(quote: str) -> tuple[str, str]:
    """Split into two pieces that together cover all that an excerpt can show, so that all of it is marked."""
    first = _cut(quote)
    return first, _cut(quote[len(first) :].lstrip())


def _cut(quote: str) -> str:
    if len(quote) <= LONGEST_QUOTE:
        return quote
    space = quote.rfind(" ", 0, LONGEST_QUOTE + 1)
    return quote[: space if space > 0 else LONGEST_QUOTE]


def excerpt(text: str, quotes: Sequence[str]) -> str:
    """At most 300 characters of the sanitised text, with the first sanitised quote in them."""
    text = sanitised(text)
    if len(text) <= LONGEST_EXCERPT:
        return text
    at = text.find(quotes[0]) if quotes else 0
    available = LONGEST_EXCERPT - 2
    start = 0 if at <= _CONTEXT else max(0, min(at - _CONTEXT, len(text) - available))
    if at >= 0 and quotes and at + len(quotes[0]) > start + available:
        start = at + len(quotes[0]) - available
    start, end = _at_words(text, start, start + available, at, at + len(quotes[0]) if quotes else 0)
    return f"{'…' if start else ''}{text[start:end]}{'…' if end < len(text) else ''}"


def _at_words(text: str, start: int, end: int, first: int, last: int) -> tuple[int, int]:
    """Move both ends inwards to nearby spaces, never into the quote."""
    if start and (space := text.find(" ", start, min(start + 20, max(first, start)))) >= 0:
        start = space + 1
    if end < len(text) and (space := text.rfind(" ", max(last, end - 20), end)) > start:
        end = space
    return start, end


def _invisible(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co"}
