"""Escapes control characters in untrusted text before a terminal shows it."""

import re
from typing import Final

CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, bidirectional controls, line separators and lone surrogates."""


def printable(text: str) -> str:
    """Escape control characters, line breaks among them."""
    return text if text.isascii() and text.isprintable() else CONTROL.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Escape control characters, but keep line breaks and indentation."""
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.split("\n"))


def printable_json(text: str) -> str:
    """Escape control characters as JSON does; the value stays the same. Keeps line breaks between tokens."""
    return CONTROL.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
