"""The query string of the report page: filters and pagination, and the links to change them (pure)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from urllib.parse import urlencode

T = TypeVar("T")

PER_PAGE = 50
"""Reviews with signs on one page."""
COPY_ROOM = 0.2
"""Room that a copy takes on such a page, as only its differences are shown."""
CLEAR_PER_PAGE = 20
ALL_PAGES = 0
"""Page number that stands for all pages, for printing."""


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """Filters and pages chosen by the query string."""

    check: str | None = None
    """Only reviews with signs of this check."""
    page: int = 1
    clear: int | None = None
    """The page of reviews without signs, once asked for."""
    without_incentivised: bool = False
    left_out: tuple[str, ...] = ()
    """Checks that the reader leaves out, in the order of the report."""

    @classmethod
    def of(cls, query: Mapping[str, str], report: Mapping[str, Any]) -> "ReportQuery":
        """Parse the query; invalid values fall back to the defaults."""
        known = {check["name"] for check in report["checks"] if check["count"]}
        check = query.get("check", "")
        without = query.get("incentivised") == "without" and bool(report["incentivised_count"])
        if without:
            known.discard("incentive")
        return cls(
            check=check if check in known else None,
            page=_page(query.get("page")) or 1 if query.get("page") != "all" else ALL_PAGES,
            clear=ALL_PAGES if query.get("clear") == "all" else _page(query.get("clear")),
            without_incentivised=without,
            left_out=_left_out(query.get("without", ""), report),
        )

    def to(self, part: str, **changes: Any) -> str:
        """The address with other filters or pages, at a part of the page."""
        other = replace(self, **changes)
        fields: dict[str, str] = {}
        if other.check:
            fields["check"] = other.check
        if other.page != 1:
            fields["page"] = str(other.page or "all")
        if other.clear is not None:
            fields["clear"] = str(other.clear or "all")
        if other.without_incentivised:
            fields["incentivised"] = "without"
        if other.left_out:
            fields["without"] = ",".join(other.left_out)
        return f"?{urlencode(fields, safe=',')}#{part}"

    def leaving_out(self, check: str) -> tuple[str, ...]:
        """The checks left out after this one is left out or, if it is already, put back."""
        if check in self.left_out:
            return tuple(name for name in self.left_out if name != check)
        return (*self.left_out, check)


@dataclass(frozen=True, slots=True)
class PageSlice:
    """One page of a list."""

    page: int
    pages: int
    first: int
    """The number of its first entry, from 1."""
    last: int
    total: int

    @property
    def around(self) -> tuple[int | None, ...]:
        """Pages to offer: the ends and the neighbours; `None` for a gap."""
        wanted = sorted(
            {1, 2, self.page - 1, self.page, self.page + 1, self.pages} & set(range(1, self.pages + 1))
        )
        offered: list[int | None] = []
        for number in wanted:
            if offered and offered[-1] is not None and number > offered[-1] + 1:
                offered.append(None)
            offered.append(number)
        return tuple(offered)


def paginate(
    entries: Sequence[T], page: int, per_page: int, room: Callable[[T], float] = lambda _: 1.0
) -> tuple[PageSlice, Sequence[T]]:
    """The page of these entries, the last where there are not so many; each entry takes some room of its page."""
    starts = _page_starts(map(room, entries), per_page)
    if page == ALL_PAGES:
        return PageSlice(ALL_PAGES, len(starts), 1, len(entries), len(entries)), entries
    page = min(page, len(starts))
    start, end = [*starts, len(entries)][page - 1 : page + 1]
    return PageSlice(page, len(starts), start + 1, end, len(entries)), entries[start:end]


def _page_starts(rooms: Iterable[float], per_page: int) -> list[int]:
    starts, used = [0], 0.0
    for n, room in enumerate(rooms):
        if used + room > per_page + 1e-6:
            starts.append(n)
            used = 0.0
        used += room
    return starts


def _left_out(text: str, report: Mapping[str, Any]) -> tuple[str, ...]:
    asked = set(text.split(","))
    checks = report.get("insights", {}).get("checks", ())
    return tuple(check["name"] for check in checks if check["can_be_left_out"] and check["name"] in asked)


def _page(text: str | None) -> int | None:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 6:
        return None
    return int(text) or 1
