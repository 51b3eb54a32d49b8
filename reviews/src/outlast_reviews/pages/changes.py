"""Changes since the previous report, figure by figure (pure)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from outlast_reviews import formatting


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
    if earlier is None:
        return ()
    suspicious = report["strong_count"] + report["medium_count"]
    return (
        Change("Grade", earlier["grade"], report["grade"]),
        _change("Share with warning signs", earlier["share"], report["fake_percentage"], formatting.percent),
        _change("Average rating", earlier["rating"], report["original_rating"], _average),
        _change("Adjusted rating", earlier["adjusted"], report["adjusted_rating"], _average),
        _change("Reviews", earlier["reviews"], report["unique_reviews"], _count),
        _change("Reviews with warning signs", earlier["suspicious"], suspicious, _count),
    )


def _change(name: str, before: float | None, now: float | None, shown: Callable[[float], str]) -> Change:
    return Change(name, *("–" if value is None else shown(value) for value in (before, now)))


def _average(rating: float) -> str:
    return f"{rating:.2f}"


def _count(number: float) -> str:
    return f"{number:,.0f}"
