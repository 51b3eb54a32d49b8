"""Names that cannot be guessed: sessions and workers; what of an owner is stored."""

import base64
import hashlib
import secrets

from outlast.core.text_cache import text_cache

OWNERS_KEPT = 10_000
"""Hashes kept: the same few owners ask again and again."""
LONGEST_KEPT = 256
"""Characters of an owner whose hash is kept: a host may name its owners at any length."""


def new_session_id() -> str:
    """26 characters of lower-case base32: 130 random bits."""
    return base64.b32encode(secrets.token_bytes(17)).decode().lower()[:26]


def new_share_token() -> str:
    """As unguessable as a session's id, and nothing of it."""
    return new_session_id()


def new_worker_id() -> str:
    return "w-" + secrets.token_hex(8)


@text_cache(OWNERS_KEPT, LONGEST_KEPT)
def owner_hash(owner: str) -> str:
    """What the store keeps of an owner: enough to compare, not enough to impersonate."""
    return hashlib.sha256(b"outlast owner\0" + owner.encode()).hexdigest()
