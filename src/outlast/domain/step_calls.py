"""The identity of one call of a step within its session."""

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import TypeAlias

Key: TypeAlias = "str | int | float | bool | Sequence[Key] | Mapping[str, Key] | None"
"""Distinguishes the calls of one step; any JSON value."""


def call_identity(step: str, version: int, key: Key, number: int) -> str:
    """Return the identity of call `number`, from 1, of this step version with this key: 32 hexadecimal digits.

    Raises `TypeError`, `ValueError` or `RecursionError` for a key that is not JSON.

    Identities are compared only within one session, so 16 bytes are plenty: among a million calls the probability
    of a collision is about 1 in 10**27.
    """
    text = json.dumps([step, version, key, number], allow_nan=False, sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
