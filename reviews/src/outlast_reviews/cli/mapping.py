"""The option `--map`, with which commands are told which column of a table holds what."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast, get_args

import click

from outlast_reviews.sources.formats.columns import Part

_PARTS: Sequence[str] = get_args(Part)
F = TypeVar("F", bound=Callable[..., Any])


def map_option(command: F) -> F:
    """Add `--map`, any number of times."""
    return click.option(
        "--map",
        "mapping",
        multiple=True,
        metavar="PART=COLUMN",
        help="Which column of a table holds what, by its name or its number; PART is rating, text, title, date, "
        "reviewer, verified, review_id or incentivised. rating=- says that there are no stars, scale=10 (1, 5, "
        "50, 100; 0-5, 0-10, 0-50, 0-100 where 0 is a rating; thumbs) what the ratings are, dates=day "
        "(month) what comes first in a date.",
    )(command)


def mapping_of(said: Sequence[str]) -> Mapping[Part, str]:
    """Parse the values of `--map`."""
    return dict(map(_part, said))


def _part(text: str) -> tuple[Part, str]:
    part, _, column = (word.strip() for word in text.partition("="))
    if not part or not column:
        raise click.BadParameter(f"“{text}” is not PART=COLUMN, for example rating=Points.", param_hint="--map")
    if part not in _PARTS:
        raise click.BadParameter(f"A review has no part “{part}”; it has {', '.join(_PARTS)}.", param_hint="--map")
    return cast("Part", part), column
