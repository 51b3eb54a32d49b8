"""Which parts of a text to highlight (pure)."""

from collections.abc import Iterable, Iterator

_ELLIPSIS = "…"
_ANCHOR_WORDS = 3


def highlighted(text: str, quotes: Iterable[str]) -> list[tuple[str, bool]]:
    """The text in parts, each highlighted or not; together they are the text.

    What the text shows of a quote that it cuts off is highlighted too.
    """
    parts: list[tuple[str, bool]] = []
    done = 0
    for start, end in _merged(text, sorted(span for quote in quotes if quote for span in _spans(text, quote))):
        if start > done:
            parts.append((text[done:start], False))
        parts.append((text[start:end], True))
        done = end
    if done < len(text):
        parts.append((text[done:], False))
    return parts


def _spans(text: str, quote: str) -> Iterator[tuple[int, int]]:
    at = text.find(quote)
    if at < 0:
        yield from _cut_off(text, quote)
    while at >= 0:
        yield at, at + len(quote)
        at = text.find(quote, at + len(quote))


def _cut_off(text: str, quote: str) -> Iterator[tuple[int, int]]:
    """At the ends of an excerpt; a part is known again by three words."""
    shown = text.strip(_ELLIPSIS)
    words = shown.split()
    start = len(text) - len(text.lstrip(_ELLIPSIS))
    head, tail = " ".join(words[:_ANCHOR_WORDS]), " ".join(words[-_ANCHOR_WORDS:])
    if start and (at := quote.rfind(head)) >= 0 and shown.startswith(quote[at:]):
        yield start, start + len(quote) - at
    if text.endswith(_ELLIPSIS) and (at := quote.find(tail)) >= 0 and shown.endswith(quote[: at + len(tail)]):
        yield start + len(shown) - at - len(tail), start + len(shown)


def _merged(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those that overlap, or have only white space between them, made one."""
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and not text[merged[-1][1] : start].strip():
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
