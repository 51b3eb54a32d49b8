"""Signs cookies and tokens with `APP_KEY`, or with a key made on first start."""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from outlast.settings import Settings

KEY_FILE = "app.key"


class KeyRing:
    """The first key signs, all are accepted."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [k.encode() for k in keys]

    @classmethod
    def of(cls, settings: Settings) -> "KeyRing":
        return cls(settings.app_key or [_stored_key(settings.data_dir)])

    @property
    def namespace(self) -> str:
        """What sets this installation apart on a server that it shares with others."""
        return self._sign(self._keys[0], "namespace", "")[:12]

    def sign(self, purpose: str, value: str) -> str:
        """A signature of `value` that no other purpose accepts."""
        return self._sign(self._keys[0], purpose, value)

    def verify(self, purpose: str, value: str, signature: str) -> bool:
        given = signature.encode()
        return any(hmac.compare_digest(self._sign(k, purpose, value).encode(), given) for k in self._keys)

    def fingerprints(self) -> list[str]:
        """Each key's name, from which it cannot be told; the one that signs first."""
        return [self._sign(key, "fingerprint", "")[:16] for key in self._keys]

    @staticmethod
    def _sign(key: bytes, purpose: str, value: str) -> str:
        digest = hmac.digest(key, f"{purpose}\0{value}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:24]).decode()


def _stored_key(folder: Path) -> str:
    """The key in the data folder; made whole and exclusively (mode 0600), whoever comes first."""
    path = folder / KEY_FILE
    with suppress(FileNotFoundError):
        return path.read_text().strip()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{KEY_FILE}.{secrets.token_hex(4)}"
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text().strip()
