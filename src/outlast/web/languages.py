"""The languages of a site, and the one of a request: the visitor's choice, else what the browser asks for."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from starlette.types import Scope

from outlast.web.headers import values_of
from outlast.web.translations import ENGLISH, Translations, languages

COOKIE: Final = "outlast_language"
"""The cookie with the visitor's choice, and the parameter of the links that set it."""
REMEMBERED: Final = 365 * 86_400
"""Seconds for which a browser keeps the choice."""
OWN: Final = Path(str(files("outlast") / "locale"))
"""The catalogues of Outlast itself."""
LONGEST: Final = 500
"""Bytes of a header `Accept-Language` that are read."""
HEADERS_KEPT: Final = 500
"""Headers whose languages are remembered."""
NAMES: Final[Mapping[str, str]] = {"de": "Deutsch", "en": "English", "es": "Español", "fr": "Français"}
"""What their speakers call the languages that Outlast itself has; Babel knows the others."""


class SiteLanguages:
    """English, and the languages in which the application has catalogues of its own."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` has the catalogues of the application; without one, the site is in English only."""
        self.offered = (ENGLISH,) if folder is None else languages([folder])
        self._folder = folder
        self._by_tag = {tag(language).lower(): language for language in self.offered}
        self._translations = {ENGLISH: Translations(ENGLISH)}
        self._asked_for = lru_cache(HEADERS_KEPT)(self._best)

    @property
    def several(self) -> bool:
        return len(self.offered) > 1

    def of(self, scope: Scope) -> str:
        """The language of a request, always one of those offered."""
        if not self.several:
            return ENGLISH
        accepted = b""
        for name, value in scope["headers"]:
            if name == b"cookie":
                for chosen in values_of(value, COOKIE):
                    if chosen in self.offered:
                        return chosen
            elif name == b"accept-language":
                accepted = value
        return self._asked_for(accepted[:LONGEST])

    def translations(self, language: str) -> Translations:
        """The words in one of the languages offered, read on first use. Raises `ValueError` for a damaged file."""
        if language not in self._translations:
            assert self._folder is not None  # noqa: S101 - there is no other language without one
            known = [folder for folder in (self._folder, OWN) if language in languages([folder])]
            self._translations[language] = Translations(language, known)
        return self._translations[language]

    def headers(self, language: str) -> dict[str, str]:
        """The headers of a response in this language; none for a site in English only."""
        if not self.several:
            return {}
        return {"Content-Language": tag(language), "Vary": "Accept-Language, Cookie"}

    def _best(self, accepted: bytes) -> str:
        """The offered language that a header `Accept-Language` prefers (RFC 9110, lookup of RFC 4647)."""
        ranges = [_weighted(part) for part in accepted.decode("latin-1").split(",")]
        for wanted, weight in sorted(ranges, key=lambda each: -each[1]):  # a stable sort: the first of equals
            if weight <= 0:
                break
            if wanted == "*":
                return next((each for each in self.offered if (tag(each).lower(), 0.0) not in ranges), ENGLISH)
            subtags = wanted.split("-")
            for count in range(len(subtags), 0, -1):
                if (language := self._by_tag.get("-".join(subtags[:count]))) is not None:
                    return language
        return ENGLISH


def tag(language: str) -> str:
    """The name of a language for browsers (BCP 47), such as "pt-BR" for the folder "pt_BR"."""
    return language.replace("_", "-")


def own_name(language: str) -> str:
    """What the speakers of a language call it."""
    if language in NAMES:
        return NAMES[language]
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - English does without it

    try:
        name = Locale.parse(language).get_display_name(language) or language
    except (UnknownLocaleError, ValueError):
        name = language
    return name[:1].upper() + name[1:]


def switch(offered: Sequence[str], address: str, query: bytes) -> list[dict[str, Any]]:
    """The links to the page at `address`, a path, in each language."""
    kept = [pair for pair in parse_qsl(query.decode("latin-1"), keep_blank_values=True) if pair[0] != COOKIE]
    return [
        {
            "tag": tag(language),
            "name": own_name(language),
            "address": f"{quote(address)}?{urlencode([*kept, (COOKIE, language)])}",
        }
        for language in offered
    ]


def chosen(scope: Scope) -> tuple[str, str] | None:
    """The language that a link of `switch` asks for, and the address of the page without the choice."""
    query: bytes = scope.get("query_string", b"")
    if COOKIE.encode() not in query:
        return None
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    languages_asked = [value for name, value in pairs if name == COOKIE]
    if not languages_asked:
        return None
    kept = urlencode([pair for pair in pairs if pair[0] != COOKIE])
    return languages_asked[-1], quote(scope["path"]) + (f"?{kept}" if kept else "")


def _weighted(part: str) -> tuple[str, float]:
    """A language range, in lower case, and its weight; 0 for one that is malformed."""
    wanted, _, parameter = part.partition(";")
    name, _, given = parameter.strip().partition("=")
    try:
        weight = float(given) if name.strip().lower() == "q" else 1.0
    except ValueError:
        weight = 0.0
    return wanted.strip().lower(), weight if 0 <= weight <= 1 else 0.0
