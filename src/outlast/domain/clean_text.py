"""Texts for people as everything on their way can carry them."""

import re

UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")


def plain(text: str) -> str:
    """Without NUL and halves of surrogate pairs, which UTF-8 and databases refuse."""
    return text if text.isascii() and "\x00" not in text else UNKEEPABLE.sub("\ufffd", text)
