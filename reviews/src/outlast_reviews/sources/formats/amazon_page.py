"""Parses saved Amazon review and product pages, in all of the shop's languages."""

import re
from collections.abc import Iterator
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, LexborNode

from outlast import message
from outlast_reviews.review import ReviewSet
from outlast_reviews.sources.errors import NotReviews
from outlast_reviews.sources.formats.columns import columns_of
from outlast_reviews.sources.formats.content import Content
from outlast_reviews.sources.formats.rows import ReviewCollector
from outlast_reviews.sources.formats.stars import UnreadableStars, read_stars

_CARD = re.compile(r"""\sdata-hook\s{0,3}=\s{0,3}(?:"review"|'review'|review[\s>])""")
_TAG = re.compile(r"<(/?)([a-zA-Z]{1,20})")
_VOID = frozenset({"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
_LONGEST_CARD = 64 * 1024
_LONGEST_TAG = 4 * 1024
_DEEPEST = 256
_MOST_CARDS = 2_000

_ID = re.compile(r"R[A-Z0-9]{6,20}")
_ENCLOSING = re.compile(r"""<[^<>]{0,500}\sdata-reviewid=["']?(R[A-Z0-9]{6,20}+)["']?[^<>]{0,500}+>\s{0,200}+\Z""")
_PROFILE = re.compile(r"/profile/(amzn1\.account\.\w{1,60})")
_VINE = re.compile(r"(?<![A-Za-z])Vine(?![A-Za-z])")
_COUNT = re.compile(r"[0-9]{1,3}(?:[.,’'\s][0-9]{3}){0,3}(?![0-9])|[0-9]{1,9}")
_PARTS = ("review_id", "rating", "date", "title", "text", "user_id", "author", "verified", "vine")
_COLUMNS = columns_of(_PARTS)
_BODIES = (
    "[data-hook=reviewRichContentContainer]",
    "[data-hook=reviewText]",
    "[data-hook=review-body], [data-hook=review-collapsed], .review-text",
)
_NOISE = (
    "script, style, noscript, .video-block, .cr-video-desktop, [data-hook=cr-video], [data-hook=format-strip],"
    " .a-teaser-describedby-collapsed"
)
"""What a card holds that its reviewer has not written; a product's variant may be called "Vine"."""


class AmazonPage:
    """Cut into cards first and parsed card by card, so that no page can cost more than its length."""

    names = (message("saved Amazon review page"),)

    def recognises(self, content: Content) -> bool:
        return _CARD.search(content.page()) is not None

    def read(self, content: Content) -> ReviewSet:
        page = content.page()
        rows = ReviewCollector(content.limits, content.mapping)
        for card, own_id in _cards(page):
            node = _parse(card, "[data-hook=review]")
            if node is None:
                rows.skip(message("the review's part of the page is not laid out like a review"))
            else:
                rows.add(_COLUMNS, _values(node, own_id))
        return rows.finish(
            _format(content.encoding),
            product_title=_product_title(page),
            product_rating=_product_rating(page),
            stated_ratings=_stated_ratings(page),
            description=_description(page),
        )


def _format(encoding: str | None) -> str:
    return (
        message("saved Amazon page ({encoding})", encoding=encoding) if encoding else message("saved Amazon page")
    )


def _cards(page: str) -> Iterator[tuple[str, str | None]]:
    """Yield each card with the review id of its enclosing element, if any."""
    marks = [match.start() for match in islice(_CARD.finditer(page), _MOST_CARDS + 1)]
    if len(marks) > _MOST_CARDS:
        raise NotReviews(
            message(
                "The page has more than {most:,} reviews on it, more than can be read from one page. Give an"
                " export instead.",
                most=_MOST_CARDS,
            )
        )
    starts = [max(page.rfind("<", max(0, mark - _LONGEST_TAG), mark), 0) for mark in marks]
    for start, end in zip(starts, [*starts[1:], len(page)], strict=True):
        enclosing_id = _ENCLOSING.search(page, max(0, start - _LONGEST_TAG), start)
        yield page[start : min(end, start + _LONGEST_CARD)], enclosing_id and enclosing_id[1]


def _parse(fragment: str, selector: str) -> LexborNode | None:
    """The first match in the element that the fragment begins with.

    What would make parsing slow is not parsed: attributes of a tag that has thousands of them, and anything in an
    element that is nested far deeper than a review.
    """
    depth = own = copied = 0
    name = ""
    pieces: list[str] = []
    for tag in _TAG.finditer(fragment):
        if tag.start() < copied:
            continue
        kind, step = tag[2].lower(), -1 if tag[1] else 1
        name = name or kind
        depth += step * (kind not in _VOID)
        own += step * (kind == name)
        if own <= 0:
            fragment = fragment[: tag.end()]
            break
        if fragment.find(">", tag.end(), tag.start() + _LONGEST_TAG) < 0:
            pieces.append(fragment[copied : tag.end()])
            copied = fragment.find(">", tag.end())
        if depth > _DEEPEST or copied < 0:
            return None
    return LexborHTMLParser("".join([*pieces, fragment[copied:], ">"])).css_first(selector)


def _values(card: LexborNode, enclosing_id: str | None) -> list[object]:
    """In the order of `_PARTS`. Parts are removed as they are read, so that what remains are badges."""
    for noise in card.css(_NOISE):
        noise.decompose()
    if card.css_first(".cr-original-review-content"):
        for translated in card.css(".cr-translated-review-content"):
            translated.decompose()
    review_id = _ID.search(card.id or "")
    profile = card.css_first("a.a-profile")
    account = _PROFILE.search((profile.attributes.get("href") or "") if profile else "")
    rating = _extract(card, "[data-hook=review-star-rating], [data-hook=cmps-review-star-rating]")
    author = _extract(card, ".a-profile-name, [data-hook=review-author]")
    title = _extract(card, "[data-hook=review-title], [data-hook=reviewTitle]")
    text = next((text for body in _BODIES if (text := _extract(card, body))), None)
    date = _extract(card, "[data-hook=review-date]")
    verified = card.css_first("[data-hook=avp-badge], [data-hook=avp-badge-linkless]") is not None
    vine = _VINE.search(card.text(separator=" ")) is not None
    return [
        review_id[0] if review_id else enclosing_id,
        rating,
        date,
        title,
        text,
        account and account[1],
        author,
        verified,
        vine,
    ]


def _extract(card: LexborNode, selector: str) -> str | None:
    node = card.css_first(selector)
    if node is None:
        return None
    for expander in node.css("[data-hook=expand-collapse-read-more-less], .a-expander-header"):
        expander.decompose()
    for line_break in node.css("br"):
        line_break.replace_with("\n")
    for block in node.css("p, li"):
        block.insert_after("\n")
    text = "\n".join(line.strip() for line in node.text().strip().split("\n"))
    node.decompose()
    return text


def _product_title(page: str) -> str | None:
    for mark, selector in (
        ('data-hook="product-link"', "[data-hook=product-link]"),
        ('id="productTitle"', "#productTitle"),
    ):
        if text := _marked(page, mark, selector):
            return text[:500]
    return None


def _product_rating(page: str) -> float | None:
    for hook in ("rating-out-of-text", "average-star-rating"):
        try:
            if rating := read_stars(_marked(page, f'data-hook="{hook}"', f"[data-hook={hook}]")):
                return rating
        except UnreadableStars:
            continue
    return None


def _stated_ratings(page: str) -> int | None:
    """As "127 global ratings", in any of the shop's languages."""
    hook = "total-review-count"
    text = _marked(page, f'data-hook="{hook}"', f"[data-hook={hook}]") or ""
    number = _COUNT.search(text[:100])
    return int("".join(filter(str.isdigit, number[0]))) if number else None


def _description(page: str) -> str:
    """What stands beside the picture, and the longer text below, where the page is the product's own."""
    parts = ("feature-bullets", "productDescription")
    return "\n".join(_marked(page, f'id="{part}"', f"#{part}", _LONGEST_CARD) or "" for part in parts)


def _marked(page: str, mark: str, selector: str, length: int = 4_096) -> str | None:
    at = page.find(mark)
    if at < 0:
        return None
    start = max(page.rfind("<", 0, at), 0)
    node = _parse(page[start : start + length], selector)
    return " ".join(node.text().split()) if node is not None else None
