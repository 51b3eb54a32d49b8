"""A page of a site's own, such as About or Privacy, linked from the foot of every page."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

PAGE_NAME: Final = r"[a-z][a-z0-9-]{0,39}"
"""The last part of its address."""


@dataclass(frozen=True, slots=True)
class SitePage:
    """Its title and its content, which is safe HTML, or makes it when the page is opened."""

    title: str
    html: str | Callable[[], str]


def checked_page(name: str, title: str, html: str | Callable[[], str]) -> SitePage:
    """Raises `ValueError` for a name that is no part of an address, or for a page without a title."""
    if not re.fullmatch(PAGE_NAME, name):
        raise ValueError(
            f"{name!r} is no name of a page: use lower-case letters, digits and hyphens, as in 'about'."
        )
    if not title.strip():
        raise ValueError(f"The page {name!r} needs a title, as its link shows it.")
    return SitePage(title, html)


def html_of(content: str | Callable[[], str]) -> str:
    """The HTML, made now if it is a function."""
    return content if isinstance(content, str) else content()
