"""Changes since the previous report, figure by figure (pure)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from outlast import message
from outlast_reviews import formatting
from outlast_reviews.history import figures


@dataclass(frozen=True, slots=True)
class Change:
    name: str
    before: str
    now: str

    @property
    def differs(self) -> bool:
        return self.before != self.now


def changes(report: Mapping[str, Any], earlier: Mapping[str, Any] | None) -> tuple[Change, ...]:
    """Both reports in figures; nothing where there is no earlier one."""
    return () if earlier is None else changes_between(earlier, figures(report))


def changes_between(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Change, ...]:
    """Two reports by their `history.figures`."""
    return (
        Change(message("Grade"), before["grade"], now["grade"]),
        _change(message("Share with warning signs"), before["share"], now["share"], formatting.percent),
        _change(message("Average rating"), before["rating"], now["rating"], _average),
        _change(message("Adjusted rating"), before["adjusted"], now["adjusted"], _average),
        _change(message("Reviews"), before["reviews"], now["reviews"], _count),
        _change(message("Reviews with warning signs"), before["suspicious"], now["suspicious"], _count),
    )


def _change(name: str, before: float | None, now: float | None, shown: Callable[[float], str]) -> Change:
    return Change(name, *("–" if value is None else shown(value) for value in (before, now)))


def _average(rating: float) -> str:
    return f"{rating:.2f}"


def _count(number: float) -> str:
    return f"{number:,.0f}"
