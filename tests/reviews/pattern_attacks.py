"""Texts that make a regular expression work the most, made from the expression itself.

The library has no public parser of patterns; its own is what `re.compile` uses.
"""

import random
import re
from collections.abc import Iterator
from itertools import islice, product
from re import _constants as op
from re import _parser

MOST_PAIRS = 50
FILLERS = ("a", " ", "\n", "1", "<", "é", "\u0301", "★")
_LONGEST_REPEAT = 40


def attacks(pattern: re.Pattern) -> list[str]:
    """Pieces to be repeated: each literal, each beginning of a match, and pairs of these."""
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    tree = _parser.parse(text, pattern.flags & ~re.UNICODE)
    literals = list(dict.fromkeys(_literals(tree)))[:60]
    beginnings = list(dict.fromkeys(b for longest in (False, True) for b in _beginnings(tree, longest=longest)))
    pieces = [*literals, *beginnings, *FILLERS]
    pairs = [a + b for a, b in product(pieces, [*literals, *FILLERS])]
    chosen = random.Random(1).sample(pairs, min(MOST_PAIRS, len(pairs)))
    return [piece for piece in dict.fromkeys([*pieces, *chosen]) if piece]


def repeated(piece: str, length: int) -> str:
    return (piece * (length // len(piece) + 1))[:length]


def _literals(tree) -> Iterator[str]:
    """Runs of fixed characters, in all branches."""
    run = ""
    for kind, value in tree:
        if kind is op.LITERAL:
            run += chr(value)
            continue
        if run:
            yield run
        run = ""
        for inner in _inside(kind, value):
            yield from _literals(inner)
        if kind is op.IN:
            yield from islice(_members(value), 3)
    if run:
        yield run


def _beginnings(tree, *, longest: bool) -> Iterator[str]:
    """What the elements match one after the other, the first branch of each, up to each element."""
    whole = ""
    for element in tree:
        whole += _example([element], longest=longest)
        yield whole


def _example(tree, *, longest: bool) -> str:
    made = ""
    for kind, value in tree:
        if kind is op.LITERAL:
            made += chr(value)
        elif kind is op.NOT_LITERAL:
            made += "a" if value != ord("a") else "b"
        elif kind is op.ANY:
            made += "a"
        elif kind is op.IN:
            made += next(_members(value), "a")
        elif kind is op.BRANCH:
            made += _example(value[1][-1 if longest else 0], longest=longest)
        elif kind in (op.MAX_REPEAT, op.MIN_REPEAT):
            least, most, inner = value
            made += _example(inner, longest=longest) * (min(int(most), _LONGEST_REPEAT) if longest else least)
        elif kind is op.SUBPATTERN:
            made += _example(value[-1], longest=longest)
    return made


def _inside(kind, value) -> list:
    if kind is op.BRANCH:
        return value[1]
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
        return [value[2]]
    if kind in (op.SUBPATTERN, op.ASSERT, op.ASSERT_NOT):
        return [value[-1]]
    return []


def _members(members) -> Iterator[str]:
    """Some characters of a class."""
    if members[0][0] is op.NEGATE:
        excluded = {value for kind, value in members[1:] if kind is op.LITERAL}
        yield next(c for c in "a b<1-" if ord(c) not in excluded)
        return
    classes = {op.CATEGORY_DIGIT: "1", op.CATEGORY_SPACE: " \n", op.CATEGORY_WORD: "a"}
    for kind, value in members:
        if kind is op.LITERAL:
            yield chr(value)
        elif kind is op.RANGE:
            yield chr(value[0])
        elif kind is op.CATEGORY:
            yield from classes.get(value, "-")
