"""Names that cannot be guessed: sessions and workers; what of an owner is stored."""

import hashlib
import secrets
from itertools import product

from outlast.core.text_cache import text_cache

OWNERS_KEPT = 10_000
"""Hashes kept: the same few owners ask again and again."""
LONGEST_KEPT = 256
"""Characters of an owner whose hash is kept: a host may name its owners at any length."""


_PAIRS = ["".join(pair) for pair in product("abcdefghijklmnopqrstuvwxyz234567", repeat=2)]
"""What ten bits are in base32. `base64` does it a tenth as fast, which a start notices."""


def new_session_id() -> str:
    """26 characters of lower-case base32: 130 random bits."""
    bits = secrets.randbits(130)
    return "".join([_PAIRS[bits >> shift & 1023] for shift in range(0, 130, 10)])


def new_share_token() -> str:
    """As unguessable as a session's id, and nothing of it."""
    return new_session_id()


def new_worker_id() -> str:
    return "w-" + secrets.token_hex(8)


@text_cache(OWNERS_KEPT, LONGEST_KEPT)
def owner_hash(owner: str) -> str:
    """What the store keeps of an owner: enough to compare, not enough to impersonate."""
    return hashlib.sha256(b"outlast owner\0" + owner.encode()).hexdigest()
