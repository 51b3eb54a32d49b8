"""Removes secrets from texts that operators read: logs, tracebacks, messages of errors."""

import re
from collections.abc import Iterable
from typing import Final

HIDDEN: Final = "[secret]"
"""What stands in place of a secret."""
SHORTEST_SECRET: Final = 8
"""Characters from which a known value is replaced; a shorter one would replace parts of ordinary words."""

_PREFIX = "(?:sk|pk|rk|whsec|gh[opsur]|github_pat|glpat|xox[abeprs]|olk|hf|npm|pypi|shpat)"
SUSPICIOUS: Final = re.compile(
    rf"://|key|token|secret|pass|authoriz|cookie|bearer|basic|akia|aiza|eyj|{_PREFIX}[-_][\w-]{{16}}|[\w-]{{32}}",
    re.IGNORECASE,
)
"""What every text with a secret has; it spares most texts the search by `PATTERNS`, which takes longer."""

_BEGIN = r"(?<![\w-])"
"""A word is tried from its first character alone, so that the time grows with the length of a text."""
_NAME = (
    r"[\w-]{0,40}(?:passw(?:or)?d|passphrase|secret|token|(?:api|app|private|access|dashboard)[_-]?key)[\w-]{0,40}"
)
_EQUALS = r"""["']?\s{0,5}[:=]\s{0,5}(?:b(?=["']))?["']?"""
_NO_CALL = r"(?![\w.]{0,200}\()"

PATTERNS: Final = (
    # a private key in PEM
    (re.compile(r"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)(?:[^-]|-(?!----)){1,8000}"), rf"\1{HIDDEN}"),
    # the password of an address
    (
        re.compile(
            r"(?<![a-z0-9+.-])([a-z][a-z0-9+.-]{0,30}://[^\s/:@]{0,200}:)[^\s/@]{1,500}(?=@)", re.IGNORECASE
        ),
        rf"\1{HIDDEN}",
    ),
    # a header that authenticates, in a request or in a dictionary
    (
        re.compile(
            rf"{_BEGIN}((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]{{0,30}}(?:key|token))({_EQUALS})"
            r"""[^\r\n"']{1,8000}""",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}",
    ),
    (re.compile(rf"{_BEGIN}(bearer|basic)\s{{1,5}}[\w.~+/=-]{{8,8000}}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # a value that its name calls secret; not a call, such as `token = read_token()`
    (
        re.compile(rf"""{_BEGIN}({_NAME})({_EQUALS}){_NO_CALL}[^\s"'&,;(){{}}\[\]<>]{{6,8000}}""", re.IGNORECASE),
        rf"\1\2{HIDDEN}",
    ),
    # tokens that begin as those of well-known services do, and JSON Web Tokens
    (
        re.compile(
            rf"{_BEGIN}(?:{_PREFIX}[-_][\w-]{{16,500}}|AKIA[0-9A-Z]{{12,40}}|AIza[\w-]{{30,60}}"
            r"|eyJ[\w-]{5,4000}\.[\w-]{5,8000}\.[\w-]{0,2000})"
        ),
        HIDDEN,
    ),
)
"""What a secret looks like, and what replaces it. Every repetition has a limit."""

RANDOM: Final = re.compile(r"(?<![\w-])(upload:|sha256:|input:)?([A-Za-z0-9_-]{32,})(?![\w-])")
"""A long word that may be random; the hashes of uploads and inputs are none of these, and operators need them."""
FEWEST_DIGITS: Final = 4
"""Digits from which a long word in both cases looks random; in 32 random characters there are 5 on average."""


class Scrubber:
    """Replaces known secrets, and whatever looks like one, by `HIDDEN`. Thread-safe."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def scrub(self, text: str) -> str:
        """Return the text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        if SUSPICIOUS.search(text) is None:
            return text
        for pattern, instead in PATTERNS:
            text = pattern.sub(instead, text)
        return RANDOM.sub(_hide_random, text)


def _hide_random(found: re.Match[str]) -> str:
    word = found[2]
    return HIDDEN if found[1] is None and _looks_random(word) else found[0]


def _looks_random(word: str) -> bool:
    if all(c in "0123456789abcdef" for c in word) or all(c in "0123456789ABCDEF" for c in word):
        return True
    digits = sum(c.isdigit() for c in word)
    return digits >= FEWEST_DIGITS and word.lower() != word and word.upper() != word
