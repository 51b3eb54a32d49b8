"""Cleans texts of characters that UTF-8 or databases reject."""

import re

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable_text(text: str) -> str:
    """Replace NUL and lone surrogates, which databases and UTF-8 reject."""
    return text if text.isascii() and "\x00" not in text else UNSTORABLE.sub("\ufffd", text)
