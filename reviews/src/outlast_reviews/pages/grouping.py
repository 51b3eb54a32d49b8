"""Groups flagged reviews for the page and the terminal: by cluster of copies, then by check (pure)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from outlast import message, plural
from outlast_reviews.pages.copies import Copies, Part, collapsed
from outlast_reviews.pages.query import ALL_PAGES, COPY_ROOM, PER_PAGE, PageSlice, ReportQuery, paginate

_OPEN = 1
"""Reviews of a group that show without being asked for, if they count as suspicious."""
COPIES, _INCENTIVE = "near_copies", "incentive"
_ORDER = (
    "near_copies",
    "reviewer_overlap",
    "burst",
    "incentive",
    "unverified",
    "stars_text",
    "marketing_text",
    "model",
)
_TITLES = {
    "burst": message("Part of a burst of five-star reviews"),
    "incentive": message("Rewarded reviews"),
    "unverified": message("Not a verified purchase"),
    "reviewer_overlap": message("Reviewers seen together elsewhere"),
}
_TAGS = {
    "near_copies": message("near-identical text"),
    "burst": message("in a burst"),
    "incentive": message("rewarded"),
    "unverified": message("unverified purchase"),
    "reviewer_overlap": message("seen together elsewhere"),
    "stars_text": message("stars don't fit the text"),
    "marketing_text": message("seller's words"),
    "model": message("a language model has doubts"),
}


@dataclass(frozen=True, slots=True)
class Tag:
    """A reason in short; `sentence` where the group's heading does not say it already."""

    text: str
    strength: str
    sentence: str | None


@dataclass(frozen=True, slots=True)
class Item:
    review: Mapping[str, Any]
    tags: tuple[Tag, ...]
    quotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    check: str
    anchor: str
    title: str
    sentence: str | None
    """What all its reviews have in common."""
    strength: str | None
    """Of the sign that all its reviews share; `None` where it differs."""
    elsewhere: int
    """Reviews with the same sign in groups of graver ones."""
    counted: bool
    count: int
    """On all pages."""
    continued: bool
    """It began on an earlier page."""
    shown: tuple[Item, ...]
    folded: tuple[Item, ...]
    copies: Copies | None
    """Of near-identical reviews: their text, and how each of those on this page differs from it."""

    @property
    def differing(self) -> Iterator[tuple[Item, tuple[Part, ...]]]:
        """Each copy on this page with its differences."""
        return zip((*self.shown, *self.folded), self.copies.differences if self.copies else (), strict=True)


def groups(report: Mapping[str, Any], query: ReportQuery) -> tuple[tuple[Group, ...], PageSlice]:
    """What the chosen page shows. A review is in one group, by the first of its reasons; the others are tags.

    Of one check alone, all of its reviews are in its own groups.
    """
    titles: dict[str, str] = {check["name"]: check["title"] for check in report["checks"]}
    members: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    flagged = _listed(report, query)
    for review in flagged:
        checks = [reason["check"] for reason in review["reasons"]]
        if query.check is None or query.check in checks:
            check = query.check or checks[0]
            members.setdefault((check, (review["cluster"] or 0) if check == COPIES else 0), []).append(review)
    keys = sorted(members, key=lambda key: (_rank(key[0]), key[1]))
    listed = [(key, n, review) for key in keys for n, review in enumerate(members[key])]
    where, page = paginate(listed, query.page, PER_PAGE, lambda entry: COPY_ROOM if entry[0][1] else 1.0)
    made: list[Group] = []
    for (check, cluster), some in groupby(page, key=lambda entry: entry[0]):
        entries = list(some)
        whole = members[check, cluster]
        elsewhere = 0 if cluster or query.check else _having(check, flagged) - len(whole)
        common, strength = _common(check, whole), _strength(check, whole)
        said = check if common and strength else None
        items = [_item(review, check, said) for _, _, review in entries]
        counted = any(review["counted"] for review in whole)
        opened = len(items) if query.page == ALL_PAGES or query.check else _OPEN if counted else 0
        made.append(
            Group(
                check=check,
                anchor=f"signs-{check}-{cluster}" if cluster else f"signs-{check}",
                title=_near_identical(len(whole)) if cluster else _TITLES.get(check) or titles.get(check) or check,
                sentence=common,
                strength=strength,
                elsewhere=max(0, elsewhere),
                counted=counted,
                count=len(whole),
                continued=entries[0][1] > 0,
                shown=tuple(items[:opened]),
                folded=tuple(items[opened:]),
                copies=_copies(whole, items) if cluster else None,
            )
        )
    return tuple(made), where


def listed_by_check(report: Mapping[str, Any], query: ReportQuery) -> Counter[str]:
    """How many of the reviews that the query lists have a sign of each check; under "" all that it lists."""
    flagged = _listed(report, query)
    counted = Counter(name for review in flagged for name in {reason["check"] for reason in review["reasons"]})
    counted[""] = len(flagged)
    return counted


def _near_identical(count: int) -> str:
    return plural("One near-identical review", "{n:,} near-identical reviews", count)


def _copies(whole: Sequence[Mapping[str, Any]], items: Sequence[Item]) -> Copies:
    """Every page compares with the most frequent text of the whole group."""
    ((text, _),) = Counter[str](review["excerpt"] for review in whole).most_common(1)
    return collapsed(text, [item.review["excerpt"] for item in items])


def _listed(report: Mapping[str, Any], query: ReportQuery) -> list[Mapping[str, Any]]:
    return [r for r in report["flagged"] if not (query.without_incentivised and _only_incentivised(r))]


def _only_incentivised(review: Mapping[str, Any]) -> bool:
    return not review["counted"] and any(reason["check"] == _INCENTIVE for reason in review["reasons"])


def _having(check: str, reviews: Sequence[Mapping[str, Any]]) -> int:
    return sum(any(reason["check"] == check for reason in review["reasons"]) for review in reviews)


def _common(check: str, reviews: Sequence[Mapping[str, Any]]) -> str | None:
    return _only({reason["sentence"] for reason in _reasons(check, reviews)})


def _strength(check: str, reviews: Sequence[Mapping[str, Any]]) -> str | None:
    return _only({reason["strength"] for reason in _reasons(check, reviews)})


def _reasons(check: str, reviews: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (reason for review in reviews for reason in review["reasons"] if reason["check"] == check)


def _only(values: set[str]) -> str | None:
    return values.pop() if len(values) == 1 else None


def _item(review: Mapping[str, Any], check: str, said: str | None) -> Item:
    """`said` is the check that the group's heading explains, so that its reviews need no tag for it."""
    tags = tuple(
        Tag(
            text=_TAGS.get(reason["check"]) or str(reason["check"]),
            strength=reason["strength"],
            sentence=reason["sentence"] if reason["check"] == check else None,
        )
        for reason in review["reasons"]
        if reason["check"] != said
    )
    quotes = tuple(quote for reason in review["reasons"] for quote in reason["quotes"])
    return Item(review, tags, quotes)


def _rank(check: str) -> int:
    return _ORDER.index(check) if check in _ORDER else len(_ORDER)
