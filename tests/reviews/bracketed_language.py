"""A language that nobody speaks: every message is in brackets; what is outside of them is not translated."""

import json
import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po
from jinja2.ext import babel_extract

import outlast_reviews
from outlast import Translations

LANGUAGE = "de"
"""Whose dates and numbers it has."""
SOURCE = Path(outlast_reviews.__file__).parent
_KEPT = re.compile(r"(%\(\w+\)s|%%|\{[^{}]*\}|<[^>]*>)")
_WORD = re.compile(r"[A-Za-zä]{2,}")
_BRACKETS = re.compile(r"⟦[^⟦⟧]*⟧|\{\w+\}")
_SHOWN_ATTRIBUTES = ("aria-label", "title", "alt", "placeholder", "data-name")
_SAME = {
    *("CSV", "csv", "JSON", "UTC", "SHA", "Ed", "Amazon", "amazon", "de"),
    *("Januar", "Februar", "März", "Mai", "Juni", "Juli", "Oktober", "Dezember", "April", "August", "September"),
    *("November", "Jan", "Feb", "Mär", "Apr", "Jun", "Jul", "Aug", "Sep", "Sept", "Okt", "Nov", "Dez"),
    *("an", "eb", "är", "pr", "ai", "un", "ul", "ug", "ep", "kt", "ov", "ez"),
}
"""Words that are the same in every language, and the months of this one: a chart draws their initials apart."""


def pseudo(text: str, *, longer: bool = False) -> str:
    """The text with its words in brackets; its places, numbers and markup stay. `longer`: by two fifths."""
    parts = _KEPT.split(text)
    return "".join(
        part if n % 2 or not part.strip() else f"⟦{_longer(part) if longer else part}⟧"
        for n, part in enumerate(parts)
    )


def _longer(text: str) -> str:
    return re.sub(r"[A-Za-z]{3,}", lambda word: word[0] + word[0][-(2 * len(word[0]) // 5 or 1) :], text)


class EverySentence(Translations):
    """As if Python had marked all that it says, so that only the words of templates are missing."""

    def __init__(self, language: str, _folders: Iterable[Path]) -> None:
        super().__init__("en")
        self.language = language

    def gettext(self, text: str) -> str:
        return pseudo(text)

    def ngettext(self, one: str, several: str, number: int) -> str:
        return pseudo(one if number == 1 else several)

    def said(self, text: str) -> str:
        return f"⟦{text}⟧" if text else ""


def messages() -> Iterator[str | tuple[str, str]]:
    """All that the catalogues of the product have to have."""
    for path in SOURCE.rglob("*.py"):
        with path.open("rb") as file:
            for _line, found, _comments, _context in extract("python", file, {"message": None, "plural": (1, 2)}):
                yield found if isinstance(found, str) else (found[0], found[1])
    options = {
        "trimmed": "true",
        "trim_blocks": "true",
        "lstrip_blocks": "true",
        "newstyle_gettext": "true",
        "silent": "false",
    }
    for path in SOURCE.rglob("templates/*.html"):
        with path.open("rb") as file:
            for _line, name, found, _comments in babel_extract(file, ("_", "gettext", "ngettext"), (), options):
                yield (
                    (str(found[0]), str(found[1]))
                    if name == "ngettext"
                    else str(found if isinstance(found, str) else found[0])
                )


def write_catalogue(folder: Path, *, longer: bool = False) -> None:
    """The pseudo-language as the gettext catalogue of `LANGUAGE`."""
    catalogue = Catalog(locale=LANGUAGE)
    for found in messages():
        told = (
            pseudo(found, longer=longer)
            if isinstance(found, str)
            else tuple(pseudo(t, longer=longer) for t in found)
        )
        catalogue.add(found, told)
    path = folder / LANGUAGE / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_po(file, catalogue)


class _Shown(HTMLParser):
    """What a reader sees or hears of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "code")
        self.texts += [value or "" for name, value in attrs if name in _SHOWN_ATTRIBUTES]
        self.texts += json.loads(dict(attrs).get("data-words") or "{}").values()

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "code")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(data)


def untranslated(html: str) -> list[str]:
    """The texts of a page with words outside the brackets."""
    page = _Shown()
    page.feed(html)
    return sorted({" ".join(text.split()) for text in page.texts if words_outside(text)})


def words_outside(text: str) -> list[str]:
    """What is not translated of a text."""
    rest = text
    while rest != (rest := _BRACKETS.sub(" ", rest)):
        pass
    return [word for word in _WORD.findall(rest) if word not in _SAME]
