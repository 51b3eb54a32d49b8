"""Flagged reviews in the groups that the page shows: copies of each other, then check by check (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_OPEN = 5
"""Reviews of a group that show without being asked for."""
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
    "burst": "Five stars in a burst",
    "incentive": "In return for something",
    "unverified": "Without a verified purchase",
    "reviewer_overlap": "Reviewers met at other products",
}
_TAGS = {
    "near_copies": "copied words",
    "burst": "in a burst",
    "incentive": "in return for something",
    "unverified": "not a verified purchase",
    "reviewer_overlap": "met elsewhere",
    "stars_text": "stars against text",
    "marketing_text": "seller's words",
    "model": "doubted by a model",
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
    anchor: str
    title: str
    sentence: str | None
    """What all its reviews have in common."""
    elsewhere: int
    """Reviews with the same sign in groups of graver ones."""
    counted: bool
    shown: tuple[Item, ...]
    folded: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Groups:
    groups: tuple[Group, ...]
    anchors: Mapping[str, str]
    """Where the first review of a check is, by the check's name."""


def groups(report: Mapping[str, Any]) -> Groups:
    """A review is in one group, by the first of its reasons; the others are tags."""
    titles: dict[str, str] = {check["name"]: check["title"] for check in report["checks"]}
    members: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for review in report["flagged"]:
        key = (review["reasons"][0]["check"], review["cluster"] or 0)
        members.setdefault(key, []).append(review)
    made: list[Group] = []
    own: dict[str, str] = {}
    any_: dict[str, str] = {}
    for check, cluster in sorted(members, key=lambda key: (_place(key[0]), key[1])):
        reviews = members[check, cluster]
        anchor = f"signs-{check}-{cluster}" if cluster else f"signs-{check}"
        title = f"Copies, group {cluster}" if cluster else _TITLES.get(check) or titles[check]
        elsewhere = 0 if cluster else _having(check, report["flagged"]) - len(reviews)
        made.append(_group(anchor, title, check, reviews, elsewhere))
        own.setdefault(check, anchor)
        for name in (reason["check"] for review in reviews for reason in review["reasons"]):
            any_.setdefault(name, anchor)
    return Groups(tuple(made), any_ | own)


def _having(check: str, reviews: Sequence[Mapping[str, Any]]) -> int:
    return sum(any(reason["check"] == check for reason in review["reasons"]) for review in reviews)


def _group(anchor: str, title: str, check: str, reviews: Sequence[Mapping[str, Any]], elsewhere: int) -> Group:
    sentences = {reason["sentence"] for review in reviews for reason in review["reasons"][:1]}
    common = sentences.pop() if len(sentences) == 1 else None
    items = [_item(review, check, common) for review in reviews]
    return Group(
        anchor=anchor,
        title=title,
        sentence=common,
        elsewhere=elsewhere,
        counted=any(review["counted"] for review in reviews),
        shown=tuple(items[:_OPEN]),
        folded=tuple(items[_OPEN:]),
    )


def _item(review: Mapping[str, Any], check: str, common: str | None) -> Item:
    tags = tuple(
        Tag(
            text=_TAGS.get(reason["check"]) or str(reason["check"]),
            strength=reason["strength"],
            sentence=reason["sentence"] if reason["check"] == check and common is None else None,
        )
        for reason in review["reasons"]
    )
    quotes = tuple(quote for reason in review["reasons"] for quote in reason["quotes"])
    return Item(review, tags, quotes)


def _place(check: str) -> int:
    return _ORDER.index(check) if check in _ORDER else len(_ORDER)
