"""Unguessable ids of sessions, shares and workers, and the hash that is stored for an owner."""

import base64
import hashlib
import secrets
from typing import Final

from outlast.core.text_cache import text_cache

ANONYMOUS: Final = "visitor:"
"""Begins the owner of an anonymous visitor, and no owner that a host names."""
OWNERS_KEPT = 10_000
"""Maximum number of cached hashes."""
TRUSTED: Final = hashlib.sha256(b"outlast trusted code").hexdigest()
"""Stored as the owner of what host code starts and uploads without an owner; the hash of no owner."""
LONGEST_KEPT = 256
"""Maximum characters of an owner whose hash is cached; owners of a host program may have any length."""


def new_session_id() -> str:
    """Return 26 characters of lower-case base32: 130 random bits."""
    return base64.b32encode(secrets.token_bytes(17)).decode().lower()[:26]


def new_share_token() -> str:
    """Return a token as unguessable as a session id, and unrelated to one."""
    return new_session_id()


def new_worker_id() -> str:
    return "w-" + secrets.token_hex(8)


def new_supervisor_id() -> str:
    return "s-" + secrets.token_hex(8)


def owner_hash(owner: str) -> str:
    """Return the hash stored for an owner: enough to compare, not enough to impersonate.

    Raises `TypeError` for a name that is not text, and `ValueError` for an empty one.
    """
    if not is_text(owner):
        raise TypeError(f"owner is {owner!r}, which is not text. Pass the name of a user or visitor.")
    if not owner:  # as of a user who is not logged in: all of them would be one owner
        raise ValueError("owner is '', which names nobody; each owner sees all sessions of that name.")
    return _hash_of(owner)


@text_cache(OWNERS_KEPT, LONGEST_KEPT)
def _hash_of(owner: str) -> str:
    return hashlib.sha256(b"outlast owner\0" + owner.encode()).hexdigest()


def is_text(value: object) -> bool:
    """Whether this is text: callers without a type checker pass anything."""
    return isinstance(value, str)


def stored_owner(owner: str | None) -> str:
    """Return what is stored for this owner; `None` is trusted code."""
    return TRUSTED if owner is None else owner_hash(owner)
