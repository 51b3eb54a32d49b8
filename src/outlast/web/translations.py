"""Other languages: Python speaks English, and pages translate what it said when they show it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from gettext import c2py  # type: ignore[attr-defined] - typeshed leaves it out
from pathlib import Path
from string import Formatter
from typing import Any, Final

ENGLISH: Final = "en"
DOMAIN: Final = "messages"
LONGEST: Final = 4_000
"""Characters of a text that is translated; longer ones are nobody's sentence."""
KEPT: Final = 2_000
"""Translated texts that are remembered."""
DEEPEST: Final = 4
"""How far a value within a sentence may be a sentence itself."""
BETWEEN_SENTENCES: Final = re.compile(r"(?<=[.!?])\s+")
MOST_SENTENCES: Final = 4
"""Sentences in a row that may be one message."""
MANY_SENTENCES: Final = 30
"""Sentences of a text that are translated one by one; nothing of ours has so many."""
INTEGER: Final = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})*|-?[0-9]{1,15}")
DECIMAL: Final = re.compile(r"[-+−]?([0-9]{1,3}(,[0-9]{3})*|[0-9]{1,15})(\.[0-9]+)?")


def languages(folders: Iterable[Path]) -> tuple[str, ...]:
    """English and the languages that each of these folders has, as `FOLDER/LANGUAGE/LC_MESSAGES/messages.po`."""
    offered: set[str] | None = None
    for folder in folders:
        found = {file.parts[-3] for file in folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po")}
        offered = found if offered is None else offered & found
    return (ENGLISH, *sorted((offered or set()) - {ENGLISH}))


class Translations:
    """The words of some catalogues in one language.

    `language` is such as "de"; `folders` have gettext catalogues, `LANGUAGE/LC_MESSAGES/messages.po`. The first
    that knows a text counts; what none knows stays English. Raises `ValueError` if one is missing or damaged.
    """

    def __init__(self, language: str, folders: Iterable[Path] = ()) -> None:
        self.language = language
        self._catalogues = [] if language == ENGLISH else [_read(language, folder) for folder in folders]
        self._remembered = lru_cache(KEPT)(self._translated)

    def gettext(self, text: str) -> str:
        """Return the translation of a message, `text`; itself, if no catalogue has it."""
        for catalogue in self._catalogues:
            if found := catalogue.texts.get(text):
                return found
        return text

    def ngettext(self, one: str, several: str, number: int) -> str:
        """Return the translation of the message `one`, with the plural `several`, that suits a `number`."""
        for catalogue in self._catalogues:
            if forms := catalogue.plurals.get((one, several)):
                return forms[catalogue.form(number)]
        return one if number == 1 else several

    def said(self, text: str) -> str:
        """Return what Python said, by `message` or `plural`, in this language.

        Numbers, dates and percentages in it are written as in this language, too. Other text stays as it is.
        """
        if not self._catalogues or len(text) > LONGEST:
            return text
        return self._remembered(text)

    def _translated(self, text: str) -> str:
        return self._sentences(text, DEEPEST)

    def _sentences(self, text: str, depth: int) -> str:
        whole = self._sentence(text, depth)
        if whole is not None:
            return whole
        parts = BETWEEN_SENTENCES.split(text)
        if not 1 < len(parts) <= MANY_SENTENCES:
            return text
        told: list[str] = []
        known = True
        while parts:
            for count in range(min(len(parts), MOST_SENTENCES), 0, -1):
                found = self._sentence(" ".join(parts[:count]), depth)
                if found is None and count == 1:
                    found = self._headline(parts[0], depth)
                if found is not None or count == 1:
                    known = known and found is not None
                    told.append(parts[0] if found is None else found)
                    del parts[:count]
                    break
        whole = None if known else self._sentence(text, depth, across=True)
        return " ".join(told) if whole is None else whole

    def _headline(self, text: str, depth: int) -> str | None:
        """A message without a full stop, to which one was added."""
        found = self._sentence(text[:-1], depth) if text.endswith(".") else None
        return found and f"{found}."

    def _sentence(self, text: str, depth: int, *, across: bool = False) -> str | None:
        """`across`: even if a value reaches over the end of a sentence, as a title or a sentence may."""
        if (known := self.gettext(text)) != text:
            return known
        if (value := self._written(text)) is not None:
            return value
        if depth:
            for template in self._templates:
                values = template.values_in(text)
                if values is not None and (across or not any(map(BETWEEN_SENTENCES.search, values.values()))):
                    return self._filled(template, values, depth - 1)
        return None

    def _filled(self, template: "_Template", values: Mapping[str, str], depth: int) -> str:
        shown = {name: self._sentences(value, depth) for name, value in values.items()}
        number = int(values["n"].replace(",", "")) if "n" in values else template.number
        return template.filled(shown, number)

    @cached_property
    def _templates(self) -> Sequence["_Template"]:
        """The most telling first."""
        return sorted(
            (template for catalogue in self._catalogues for template in catalogue.templates()),
            key=lambda template: (-template.letters, template.free),
        )

    @cached_property
    def _written(self) -> Callable[[str], str | None]:
        from babel import Locale  # noqa: PLC0415 - English does without it

        from outlast.web.written_values import written  # noqa: PLC0415 - it imports Babel

        return partial(written, locale=Locale.parse(self.language))


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    shape: re.Pattern[str] | None
    """Of the values that the format can make; `None`: any text."""


class _Template:
    """A message with values, found in a sentence from the left to the right, without trying twice."""

    def __init__(self, template: str, forms: Sequence[str], form: Callable[[int], int], number: int = 1) -> None:
        """`number`: what it stands for where it does not show it."""
        self._forms, self._form, self.number = forms, form, number
        self._literals: list[str] = []
        self._fields: list[_Field] = []
        literal = ""
        for before, name, spec, _ in Formatter().parse(template):
            literal += before
            if name is not None:
                self._literals.append(literal)
                self._fields.append(_Field(name, INTEGER if name == "n" else _shape(spec or "")))
                literal = ""
        self._literals.append(literal)
        self._longest = max(self._literals, key=len)
        self.letters = sum(map(len, self._literals))
        self.free = sum(field.shape is None for field in self._fields)
        """Places that take any text."""

    def values_in(self, text: str) -> dict[str, str] | None:
        """Return the values with which the template gives this text; `None`: it never does."""
        first, last = self._literals[0], self._literals[-1]
        if self._longest not in text or not text.startswith(first) or not text.endswith(last):
            return None
        if not self._fields:
            return {} if text == first else None
        values: dict[str, str] = {}
        at, end = len(first), len(text) - len(last)
        for field, literal in zip(self._fields, [*self._literals[1:-1], None], strict=True):
            until = end if literal is None else text.find(literal, at + 1, end)
            if until <= at:
                return None
            value = text[at:until]
            if (field.shape and not field.shape.fullmatch(value)) or values.get(field.name, value) != value:
                return None
            values[field.name] = value
            at = until + len(literal or "")
        return values

    def filled(self, values: Mapping[str, str], number: int) -> str:
        pieces: list[str] = []
        for before, name, _, _ in Formatter().parse(self._forms[self._form(number)]):
            pieces += [before, values.get(name, "") if name is not None else ""]
        return "".join(pieces)


def _shape(spec: str) -> re.Pattern[str] | None:
    if spec.endswith(("f", "g")):
        return DECIMAL
    return INTEGER if spec in {",", "d", ",d", "n"} else None


class _Catalogue:
    def __init__(self, entries: Iterable[tuple[Any, Any]], form: Callable[[int], int]) -> None:
        """Each entry has an id and its translation: two texts, or two sequences of plural forms."""
        self.texts: dict[str, str] = {}
        self.plurals: dict[tuple[str, str], Sequence[str]] = {}
        self.form = form
        for text, told in entries:
            if isinstance(text, str):
                self.texts[text] = told
            elif all(told):
                self.plurals[text[0], text[1]] = list(told)

    def templates(self) -> list[_Template]:
        """The messages with values that Python makes; those of page templates are written `%(name)s`."""
        found = [_Template(text, [told], _only) for text, told in self.texts.items() if told and "{" in text]
        for one, several in self.plurals:
            forms = self.plurals[one, several]
            found += [
                _Template(text, forms, self.form, number)
                for number, text in ((2, several), (1, one))
                if "%(" not in text
            ]
        return [template for template in found if template.letters]


def _only(_number: int) -> int:
    return 0


def _read(language: str, folder: Path) -> _Catalogue:
    from babel.messages.pofile import PoFileError, read_po  # noqa: PLC0415 - English does without it

    path = folder / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    try:
        with path.open("rb") as file:
            read = read_po(file, locale=language, abort_invalid=True)
        return _Catalogue(((e.id, e.string) for e in read if e.id and not e.fuzzy), c2py(read.plural_expr))
    except FileNotFoundError:
        raise ValueError(f"{path} is missing, so there are no words in the language {language!r}.") from None
    except PoFileError as error:
        raise ValueError(f"{path} is not a gettext catalogue: {error}") from error
