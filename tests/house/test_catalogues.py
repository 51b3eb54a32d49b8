"""The catalogues that ship are current and complete."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from babel.messages import Catalog
from babel.messages.pofile import read_po
from source_tree import PACKAGES

from outlast import Translations
from pseudo_language import catalogues

PLACE = re.compile(r"%\((\w+)\)s|\{(\w*)[^}]*\}")
LANGUAGES = ("de", "es", "fr")
OF = [(package, language) for package in PACKAGES for language in LANGUAGES]


def catalogue(package: Path, language: str) -> Catalog:
    path = package / "locale" / language / "LC_MESSAGES" / "messages.po"
    assert path.exists(), f"{path} is missing: run python docs/catalogues.py"
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def texts(value: object) -> Sequence[str]:
    return [value] if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []


def places(text: str) -> set[str]:
    return {found[1] or found[2] for found in PLACE.finditer(text)}


@pytest.mark.slow
def test_catalogues_have_the_messages_of_the_code():
    stale = [str(path) for path, _ in catalogues().outdated()]
    assert not stale, "run python docs/catalogues.py, and translate what is empty"


@pytest.mark.parametrize(("package", "language"), OF)
def test_every_message_is_translated(package: Path, language: str):
    messages = [message for message in catalogue(package, language) if message.id]
    assert messages
    assert not [message.id for message in messages if message.fuzzy]
    assert not [message.id for message in messages if not all(texts(message.string)) or not texts(message.string)]


@pytest.mark.parametrize(("package", "language"), OF)
def test_translations_have_the_places_of_their_messages(package: Path, language: str):
    assert not list(misplaced(catalogue(package, language)))


def misplaced(messages: Catalog) -> Iterator[object]:
    """The messages whose translation has other places; a singular may leave out its number."""
    for message in messages:
        if not message.id:
            continue
        ids = texts(message.id)
        known = set[str]().union(*map(places, ids))
        needed = set.intersection(*map(places, ids)) - ({"n", "count"} if len(ids) > 1 else set())
        for told in filter(None, texts(message.string)):
            if not needed <= places(told) <= known:
                yield message.id


@pytest.mark.parametrize(
    ("id", "string"),
    [
        ("{n:,} of {all:,}", "{n} von {alle}"),
        ("Reference %(reference)s", "Kennung"),
        ("{found} found", "{found} von {known} gefunden"),
        (("{n} of {all}", "{n} of {all}"), ("eine", "{n} von {all}")),
    ],
)
def test_another_place_is_found(id: str, string: str):  # noqa: A002 - the word of gettext
    messages = Catalog("de")
    messages.add(id, string)
    assert list(misplaced(messages)) == [id]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_program_reads_them(language: str):
    assert Translations(language, [package / "locale" for package in PACKAGES]).gettext("") == ""
