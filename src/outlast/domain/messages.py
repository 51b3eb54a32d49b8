"""Marks the sentences that people read, so that catalogues of other languages can have them."""

from typing import Any


def message(template: str, /, **values: Any) -> str:
    """Return an English sentence: the `template` with these `values` in its places `{name}` or `{name:format}`.

    Write the template as a literal: it is in the catalogues then, so that pages can show the sentence in their
    language.
    """
    return template.format(**values) if values else template


def plural(one: str, several: str, number: int, /, **values: Any) -> str:
    """Return `message` of the template that suits the `number`: `one` for 1, else `several`.

    Both may show it as `{n}` or `{n:,}`, beside further `values`.
    """
    return (one if number == 1 else several).format(n=number, **values)
