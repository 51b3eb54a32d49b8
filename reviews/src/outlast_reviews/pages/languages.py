"""Templates in every language: each has an environment with its words, and its numbers and dates."""

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined

from outlast import Translations, message
from outlast_reviews import formatting
from outlast_reviews.pages.highlighting import highlighted
from outlast_reviews.pages.timeline_chart import Month
from outlast_reviews.reading import parts_read, written_on
from outlast_reviews.wording import (
    meaning,
    outcome,
    products_together,
    weight,
    what_was_not_read,
    what_was_read,
)

ENGLISH = "en"
LOCALE = Path(__file__).parents[1] / "locale"
"""Has the catalogue of each language in which the product is shown."""


@cache
def translations(language: str) -> Translations:
    """The words of the product in a language."""
    return Translations(language, (LOCALE,))


class Templates:
    """Compiled templates of a package; the environment of a language is made when it is first asked for."""

    def __init__(
        self, package: str, filters: Mapping[str, Callable[..., Any]], *, keep_trailing_newline: bool = False
    ) -> None:
        self._package = package
        self._filters = filters
        self._keep_trailing_newline = keep_trailing_newline
        self._environments: dict[str, Environment] = {}
        """By language, of those that have a catalogue."""

    def render(self, template: str, language: str, **values: Any) -> str:
        return self._environment(language).get_template(template).render(**values)

    def compile(self, language: str) -> None:
        """Compile all templates ahead of their first use."""
        environment = self._environment(language)
        for name in environment.list_templates():
            environment.get_template(name)

    def _environment(self, language: str) -> Environment:
        if language not in self._environments:
            self._environments[language] = self._made(translations(language))
        return self._environments[language]

    def _made(self, words: Translations) -> Environment:
        environment = Environment(
            loader=PackageLoader(self._package),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=self._keep_trailing_newline,
            extensions=["jinja2.ext.i18n"],
        )
        environment.policies["ext.i18n.trimmed"] = True
        cast("Any", environment).install_gettext_callables(words.gettext, words.ngettext, newstyle=True)
        said = words.said
        shown = {name: _said(said, english) for name, english in _FIGURES.items()}
        filters = cast("dict[str, Any]", environment.filters)
        filters |= {
            "said": said,
            "source": _source(said),
            "shares": _shares(said),
            "catalogue": _catalogue(said),
            "month_name": _month_name(words.language),
            **shown,
            **self._filters,
        }
        return environment


def _said(said: Callable[[str], str], english: Callable[..., str]) -> Callable[..., str]:
    return lambda *values: said(english(*values))


def _source(said: Callable[[str], str]) -> Callable[[str], str]:
    """Names of files and addresses are never translated, but that of the example is a name of ours."""
    example = message("invented example")
    return lambda source: said(source) if source == example else source


def _shares(said: Callable[[str], str]) -> Callable[[str], str]:
    """Both shares of a row of stars, as "0.3 → 0.2%"."""

    def shown(label: str) -> str:
        before, arrow, after = label.rpartition(" → ")
        return f"{said(f'{before}%').removesuffix('%').rstrip()}{arrow}{said(after)}"

    return shown


def _catalogue(said: Callable[[str], str]) -> Callable[[Iterable[str]], dict[str, str]]:
    """For scripts, which have the sentences in English."""
    return lambda sentences: {english: said(english) for english in sentences if said(english) != english}


def _month_name(language: str) -> Callable[[Month], str]:
    """As "Jan", for the axis of a chart."""
    if language == ENGLISH:
        return lambda month: month.name
    from babel.dates import get_month_names  # noqa: PLC0415 - English does without it

    names = get_month_names("abbreviated", "stand-alone", language)
    return lambda month: names[month.number].removesuffix(".")


def _count(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"


def _number(number: float) -> str:
    return f"{number:g}"


def _change(stars: float) -> str:
    """As "−0.74"."""
    return f"{stars:+.2f}".replace("-", "−")


def _exact_percent(value: float) -> str:
    return f"{_count(value)}%"


def _day(date: str) -> str:
    return formatting.day(dt.date.fromisoformat(date))


def _days(start: str, end: str) -> str:
    return formatting.days(dt.date.fromisoformat(start), dt.date.fromisoformat(end))


def _moment(time: str) -> str:
    return message("{day}, {time} UTC", day=_day(time[:10]), time=time[11:16])


def _of_five(rating: float) -> str:
    """As "★★★★☆"; a half counts as a whole star."""
    full = min(5, max(0, math.floor(rating + 0.5)))
    return "★" * full + "☆" * (5 - full)


_FIGURES: Mapping[str, Callable[..., str]] = {
    "percent": formatting.percent,
    "exact_percent": _exact_percent,
    "count": _count,
    "number": _number,
    "average": formatting.average,
    "change": _change,
    "day": _day,
    "days": _days,
    "moment": _moment,
}
"""Filters that make a text in English, which is then said in the language of the page."""


@cache
def templates() -> Templates:
    """Those of the report and of the site's pages."""
    return Templates(
        "outlast_reviews.pages",
        {
            "of_five": _of_five,
            "highlighted": highlighted,
            "meaning": meaning,
            "outcome": outcome,
            "products_together": products_together,
            "parts_read": parts_read,
            "weight": weight,
            "what_was_not_read": what_was_not_read,
            "what_was_read": what_was_read,
            "written_on": written_on,
        },
    )
