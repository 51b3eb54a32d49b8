"""Marks the sentences that people read, so that catalogues of other languages can have them."""

from typing import Any


def message(template: str, /, **values: Any) -> str:
    """Return an English sentence with these values in the places `{name}` or `{name:format}` of its template.

    Write the template as a literal: it is in the catalogues then, so that pages can show the sentence in their
    language.
    """
    return template.format(**values) if values else template


def plural(one: str, several: str, number: int, /, **values: Any) -> str:
    """Return `message` of the template that suits the number, which both may show as `{n}` or `{n:,}`."""
    return (one if number == 1 else several).format(n=number, **values)
