"""Signs cookies and tokens with `APP_KEY`, or with a key generated on first start."""

import base64
import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from outlast.setting_rules import SHORTEST_KEY
from outlast.settings import Settings, SettingsError

KEY_FILE = "app.key"
OTHERS = stat.S_IRWXG | stat.S_IRWXO
SIGNATURE = 32
"""Characters of a signature."""
LONGEST_KEY = 10_000
"""Characters of the key file that are read."""


class KeyRing:
    """A list of signing keys for rotation: the first signs, all verify."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [k.encode() for k in keys]

    @classmethod
    def of(cls, settings: Settings) -> "KeyRing":
        """The keys of the settings, else the one in the data folder, generated if it is missing.

        Raises `SettingsError` if the stored key is not safe to sign with.
        """
        return cls(settings.app_key or [_stored_key(settings.data_path)])

    @property
    def namespace(self) -> str:
        """A prefix that separates this installation from others on a shared server."""
        return self.namespaces[0]

    @property
    def namespaces(self) -> list[str]:
        """The namespace of each key, in order."""
        return [self._sign(key, "namespace", "")[:12] for key in self._keys]

    def sign(self, purpose: str, value: str) -> str:
        """Sign `value`; the signature is valid for this purpose only."""
        return self._sign(self._keys[0], purpose, value)

    def verify(self, purpose: str, value: str, signature: str) -> bool:
        given = signature.encode()
        return any(hmac.compare_digest(self._sign(k, purpose, value).encode(), given) for k in self._keys)

    def fingerprints(self) -> list[str]:
        """A one-way identifier of each key, in order."""
        return [self._sign(key, "fingerprint", "")[:16] for key in self._keys]

    @staticmethod
    def _sign(key: bytes, purpose: str, value: str) -> str:
        digest = hmac.digest(key, f"{purpose}\0{value}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:24]).decode()


def mask(signature: str) -> str:
    """The signature in a form that differs each time (it is XORed with a random mask, which comes first)."""
    plain = base64.urlsafe_b64decode(signature)
    random = secrets.token_bytes(len(plain))
    return base64.urlsafe_b64encode(random + _xor(random, plain)).decode()


def unmask(text: str) -> str:
    """The signature that `mask` was given; any other text is returned as it is."""
    if len(text) != 2 * SIGNATURE:
        return text
    try:
        both = base64.b64decode(text, altchars=b"-_", validate=True)
    except ValueError:
        return text
    half = len(both) // 2
    return base64.urlsafe_b64encode(_xor(both[:half], both[half:])).decode()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def require_safe_key(settings: Settings) -> None:
    """Raise `SettingsError` if the data folder has a key that is not safe to sign with; generates none."""
    if not settings.app_key:
        with suppress(FileNotFoundError):
            _read(settings.data_path / KEY_FILE)


def _stored_key(folder: Path) -> str:
    """Read the key of the data folder; generate it atomically (mode 0600) if it is missing."""
    path = folder / KEY_FILE
    with suppress(FileNotFoundError):
        return _read(path)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{KEY_FILE}.{secrets.token_hex(4)}"
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(secrets.token_hex(32))
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    _sync_folder(folder)
    return _read(path)


def _read(path: Path) -> str:
    """Read a key; raise `SettingsError` if others can read it or if it is truncated."""
    with path.open(encoding="utf-8", errors="replace") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        key = file.read(LONGEST_KEY).strip()
    if mode & OTHERS and os.name == "posix":
        raise SettingsError(
            f"APP_KEY: {path} can be read or changed by others than its owner (its mode is {mode:04o}), who could "
            f"sign cookies with it. Keep it to its owner: chmod 600 {path}. If others may have read it, delete it "
            "instead: a new one is made at the next start, and visitors begin anew."
        )
    if len(key) < SHORTEST_KEY:
        raise SettingsError(
            f"APP_KEY: {path} has {len(key)} characters, and a key has at least {SHORTEST_KEY}; it was cut off "
            "perhaps. Put the key back from a copy, or delete the file: a new one is made at the next start, and "
            "visitors begin anew. For example: APP_KEY=$(openssl rand -hex 32)"
        )
    return key


def _sync_folder(folder: Path) -> None:
    """Make the key's name durable: a power loss leaves the whole key or none."""
    with suppress(OSError):  # not every platform can open a folder
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
