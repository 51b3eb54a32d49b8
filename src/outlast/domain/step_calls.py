"""What identifies one call of a step within its session (pure)."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TypeAlias

Key: TypeAlias = "str | int | float | bool | Sequence[Key] | Mapping[str, Key] | None"
"""What tells the calls of one step apart; anything that JSON can carry."""


def call_of(step: str, version: int, key: Key, number: int) -> str:
    """The identity of the `number`-th call, from 1, of this step and version with this key: 32 hexadecimal digits.

    Raises `TypeError`, `ValueError` or `RecursionError` for a key that JSON cannot carry.

    It is compared within one session only, so 16 bytes are plenty: that two among a million calls have the same
    hash has a probability of about 1 in 10**27.
    """
    text = json.dumps([step, version, key, number], allow_nan=False, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
