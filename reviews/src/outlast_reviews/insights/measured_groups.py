"""How often groups of reviewers are found, and seen where there are none: the shipped figures, in sentences."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from outlast import message
from outlast_reviews.formatting import percent


@cache
def measured_groups() -> Mapping[str, Any]:
    """The shipped table, as printed by `outlast reviews evaluate --groups 200 --json`."""
    return json.loads((files("outlast_reviews") / "measured_groups.json").read_text(encoding="utf-8"))[0]


@cache
def accuracy_of_groups() -> tuple[str, ...]:
    figures = {line["name"]: line for line in measured_groups()["figures"]}

    def crowds(kind: str) -> str:
        return percent(100 * figures[f"crowds of {kind} with a group"]["value"])

    def groups(people: int, products: int, part: int) -> str:
        name = f"{people} reviewers, {products} other products, each reviewed by {part}% of them"
        return percent(100 * figures[name]["value"])

    found = message(
        "We measured this on invented crowds. It found {small} of hidden groups of 6 reviewers with 2 other"
        " products in common, but {small_skipping} if each member skipped a fifth of the products. Of groups of 20"
        " with 3 products it found {large} and {large_skipping}.",
        small=groups(6, 2, 100),
        small_skipping=groups(6, 2, 80),
        large=groups(20, 3, 100),
        large_skipping=groups(20, 3, 80),
    )
    false = message(
        "It saw a group in {strangers} of crowds without one, and in {frequent} where some review very often, but"
        " in {fans} where many buy each part of a series.",
        strangers=crowds("strangers"),
        frequent=crowds("frequent reviewers"),
        fans=crowds("fans of a series"),
    )
    return found, false
