"""A language in which every message stands between ⟦ and ⟧, so that a test sees what no catalogue has."""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.pofile import write_po
from selectolax.lexbor import LexborHTMLParser

import outlast

ROOT = Path(__file__).parents[1]
LIBRARY = Path(outlast.__file__).parent
BRACKETED = re.compile("⟦[^⟦⟧]*⟧")
SPEC = re.compile(r"\{(\w+):[^}]*\}")
WORD = re.compile(r"[^\W\d_]{2,}")
READ = ("alt", "aria-label", "aria-description", "data-copy", "data-title", "placeholder", "title")
"""Attributes that people read or hear."""


def catalogues() -> Any:
    """The command `docs/catalogues.py`."""
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        return import_module("catalogues")
    finally:
        sys.path.remove(str(ROOT / "docs"))


def write_pseudo_language(folder: Path, *packages: Path, language: str = "de", more: Iterable[str] = ()) -> Path:
    """Write the catalogue of these packages, with the messages `more` of a test; return `folder`."""
    catalogue = Catalog(language)
    ids = [message.id for package in packages for message in catalogues().extracted(package) if message.id]
    for given in [*ids, *more]:
        known = given if isinstance(given, str) else tuple(given)
        catalogue.add(known, bracketed(known) if isinstance(known, str) else tuple(map(bracketed, known)))
    path = folder / language / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_po(file, catalogue)
    return folder


def bracketed(text: str) -> str:
    plain = text if "%(" in text else SPEC.sub(r"{\1}", text)
    return f"⟦{plain}⟧"


def english_in(html: str, data: Iterable[str] = ()) -> set[str]:
    """The words of a page that are in no catalogue, without those of `data`."""
    page = LexborHTMLParser(html)
    for node in page.css("script, style, pre, [hreflang]"):
        node.decompose()
    # a sentence may have a link in it
    texts = [page.root.text(separator=" ")] if page.root is not None else []
    texts += [value for node in page.css("*") for name, value in node.attributes.items() if name in READ and value]
    found = {word for text in texts for word in WORD.findall(outside(text))}
    return found - {word for text in data for word in WORD.findall(text)}


def outside(text: str) -> str:
    """A text without what stands between the brackets."""
    while (left := BRACKETED.sub(" ", text)) != text:
        text = left
    return text


def sentences_in(value: Any) -> Iterator[str]:
    """The texts within a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from sentences_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from sentences_in(each)
