"""No pattern of the product blows up, whatever text was made for it."""

import importlib
import pkgutil
import random
import re
import time

import pytest
from pattern_attacks import attacks, repeated
from reference_work import cost, least

import outlast_reviews
from outlast_reviews.checks.disclosures import DISCLOSURES, disclosure, without_disclosures

LENGTH = 100_000
MOST = 0.5
"""Of the reference work, which is 0.1 s where limits were chosen: 50 ms for 100 kB."""
ALL_PHRASES = 1.5
"""The same of the search for disclosures, which is one for thirty phrases."""
USUAL_SECONDS = 0.1
"""Seconds. A slower machine takes more closer looks, which decide."""
GLANCE = 10_000
"""Characters that tell whether a text is worth a closer look."""

AS_USED = {
    "outlast_reviews.checks.facts._ACCOUNT": lambda pattern, text: pattern.fullmatch(text),
    "outlast_reviews.exports._FORMULA": lambda pattern, text: pattern.match(text),
    "outlast_reviews.cli.running._ADDRESS": lambda pattern, text: pattern.match(text),
    "outlast_reviews.sources.formats.dates._UNIX": lambda pattern, text: pattern.match(text),
    "outlast_reviews.sources.formats.stars._WITH_UNIT": lambda pattern, text: pattern.fullmatch(text),
}
"""These would be slow from every place of a text, and look from its beginning alone."""


def patterns() -> dict[str, re.Pattern]:
    """All that any module of the package holds, in tuples, dictionaries and objects too."""
    found: dict[str, re.Pattern] = {}
    for module in pkgutil.walk_packages(outlast_reviews.__path__, "outlast_reviews."):
        for name, value in vars(importlib.import_module(module.name)).items():
            for n, one in enumerate(_within(value, 4)):
                found.setdefault(f"{module.name}.{name}{n or ''}", one)
    seen: set[tuple] = set()
    return {
        name: one
        for name, one in found.items()
        if (key := (one.pattern, one.flags)) not in seen and not seen.add(key)
    }


def _within(value: object, depth: int):
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, tuple | list | frozenset | set):
        for one in value:
            yield from _within(one, depth - 1)
    elif depth and isinstance(value, dict):
        yield from _within(list(value.values()), depth - 1)
    elif (
        depth and type(value).__module__.startswith("outlast_reviews.") and hasattr(value, "__dataclass_fields__")
    ):
        yield from _within([getattr(value, name) for name in value.__dataclass_fields__], depth - 1)


def everywhere(pattern: re.Pattern, text) -> None:
    for _ in pattern.finditer(text):
        pass


def too_slow(use, piece: str, most: float = MOST) -> bool:
    """Whether a text of these pieces takes more than is allowed, or far more than its length explains."""
    share = GLANCE / LENGTH
    began = time.process_time()
    use(repeated(piece, GLANCE))
    if time.process_time() - began <= most * share * USUAL_SECONDS / 2:
        return False
    short, long = repeated(piece, GLANCE), repeated(piece, LENGTH)
    return least(lambda: cost(lambda: use(long)), most) > most or least(lambda: growth(use, short, long), 3) > 3


def growth(use, short: str, long: str) -> float:
    """Processor time of the long text by that of as many short ones."""
    began = time.process_time()
    for _ in range(LENGTH // GLANCE):
        use(short)
    middle = time.process_time()
    use(long)
    return (time.process_time() - middle) / max(middle - began, 1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", patterns())
def test_a_pattern_takes_little_of_100_kb_made_of_its_own_words_and_pairs_of_them(name):
    pattern, search = patterns()[name], AS_USED.get(name, everywhere)
    in_bytes = isinstance(pattern.pattern, bytes)

    def use(text: str) -> None:
        search(pattern, text.encode("utf-8", "replace") if in_bytes else text)

    assert [piece for piece in attacks(pattern) if too_slow(use, piece)] == []


def test_the_patterns_of_all_modules_are_tried():
    assert len(patterns()) >= 60
    modules = {name.removeprefix("outlast_reviews.").rpartition(".")[0] for name in patterns()}
    assert modules >= {f"sources.formats.{name}" for name in ("dates", "stars", "amazon_page", "refusals")}
    assert modules >= {"checks.facts", "checks.stars_text", "checks.disclosures", "exports", "reviewers"}
    assert "sources.fetching.addresses" in modules
    assert set(AS_USED) <= set(patterns())


@pytest.mark.slow
def test_the_search_for_disclosures_takes_little_of_100_kb_made_of_its_own_words_and_pairs_of_them():
    words = sorted({word for phrase in DISCLOSURES for part in phrase.parts for word in part})
    chance = random.Random(1)
    pairs = [f"{chance.choice(words)} {chance.choice(words)} " for _ in range(80)]
    everything = " ".join(words) + " "
    pieces = ["got for free ", "got for free not ", "review for a gift card ", everything, *pairs]
    pieces += [f"{word} " for word in chance.sample(words, 40)]

    def use(text: str) -> None:
        disclosure(text)

    def blank(text: str) -> None:
        without_disclosures(text)

    slow = [piece for piece in pieces if too_slow(use, piece, ALL_PHRASES) or too_slow(blank, piece, ALL_PHRASES)]
    assert slow == []
