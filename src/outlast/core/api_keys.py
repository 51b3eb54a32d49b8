"""API keys: how they are made and recognized."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Final

from outlast.ports.api_keys import ApiKey

PREFIX: Final = "olk_"
"""With which every API key begins."""
OWNER_PREFIX: Final = "key:"
"""Prefix of the owner of a key that names no other."""


class Scope(StrEnum):
    """What a key is for."""

    START = "start"
    """Start sessions of its owner; cancel, retry, answer, share and delete them; make read tokens for them."""
    READ = "read"
    """Read the sessions and results of its owner."""
    PRIORITY = "priority"
    """Choose the priority of a start."""
    OPERATE = "operate"
    """All of this with any session that a request names; name the owner of a start; read `/metrics`."""


def new_api_key(
    name: str, scopes: Collection[Scope], now: datetime, *, owner: str | None = None, expires_at: datetime | None
) -> tuple[ApiKey, str]:
    """Return a new key and its secret, which is stored nowhere; without `owner` it has an owner of its own."""
    key_id = secrets.token_hex(6)
    key = ApiKey(
        key_id, name, owner or OWNER_PREFIX + key_id, frozenset(scope.value for scope in scopes), now, expires_at
    )
    return key, PREFIX + secrets.token_urlsafe(32)


def key_digest(secret: str) -> str:
    """Return the hash by which a key is stored; its secret is random, so that no slow hash is needed."""
    return hashlib.sha256(b"outlast API key\0" + secret.encode(errors="surrogatepass")).hexdigest()
