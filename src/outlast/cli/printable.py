"""Text of others as a terminal may show it: what would steer the terminal is spelled out instead."""

import re
from typing import Final

STEERING: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, those that turn the direction of writing, and what cannot be written at all."""


def printable(text: str) -> str:
    """On one line."""
    return text if text.isascii() and text.isprintable() else STEERING.sub(_spelled, text)


def printable_lines(text: str) -> str:
    """Its lines stay lines, and what is indented stays so."""
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.split("\n"))


def printable_json(text: str) -> str:
    """The same JSON: only its strings have such characters, except for the line breaks around them."""
    return STEERING.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)


def _spelled(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
