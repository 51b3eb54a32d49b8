"""The key that signs evidence files: from the settings, else from a file that is generated on first use."""

import os
import re
import secrets
import stat
from base64 import b64decode, b64encode
from contextlib import suppress
from pathlib import Path

from outlast import SettingsError

KEY_FILE = "evidence.key"
_SEED = re.compile(r"[0-9a-fA-F]{64}")
_LONGEST = 10_000
"""Characters of the key file that are read."""


class InstallationKey:
    """The Ed25519 key of an installation."""

    def __init__(self, seed: bytes) -> None:
        from nacl.signing import SigningKey  # noqa: PLC0415 - a native library, only where something is signed

        self._key = SigningKey(seed)

    @property
    def public(self) -> str:
        """The public key, as Base64."""
        return b64encode(bytes(self._key.verify_key)).decode()

    def sign(self, content: bytes) -> str:
        """Return the signature, as Base64; the same content always gives the same one."""
        return b64encode(self._key.sign(content).signature).decode()


def is_signed(content: bytes, signature: str, public_key: str) -> bool:
    """Whether the owner of the public key signed this content; false for what is no signature or no key."""
    from nacl.exceptions import CryptoError  # noqa: PLC0415 - as above
    from nacl.signing import VerifyKey  # noqa: PLC0415 - as above

    try:
        VerifyKey(b64decode(public_key, validate=True)).verify(content, b64decode(signature, validate=True))
    except (CryptoError, ValueError):
        return False
    return True


def installation_key(folder: Path, setting: str | None) -> InstallationKey:
    """Return the key of the setting, else the one in the data folder, generated if it is missing.

    Raises `SettingsError` if the stored key is not safe to sign with.
    """
    return InstallationKey(bytes.fromhex(setting or _stored(folder)))


def existing_key(folder: Path, setting: str | None) -> InstallationKey | None:
    """Like `installation_key`, but generate none."""
    with suppress(FileNotFoundError):
        return InstallationKey(bytes.fromhex(setting or _read(folder / KEY_FILE)))
    return None


def _stored(folder: Path) -> str:
    """Read the key of the data folder; generate it atomically (mode 0600) if it is missing."""
    path = folder / KEY_FILE
    with suppress(FileNotFoundError):
        return _read(path)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = folder / f".{KEY_FILE}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another process was first; its key holds
            os.link(draft, path)
        draft.unlink()
        _sync_folder(folder)
    except OSError as error:
        raise SettingsError(
            f"The key for evidence files cannot be stored at {path}: {error.strerror}. Make the folder writable, "
            "name another one with ANALYSIS_DATA_DIR, or set ANALYSIS_EVIDENCE_KEY."
        ) from None
    return _read(path)


def _read(path: Path) -> str:
    """Read a key; raise `SettingsError` if others can read it or if it is damaged."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            key = file.read(_LONGEST).strip()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SettingsError(f"The key for evidence files, {path}, cannot be read: {error.strerror}.") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and os.name == "posix":
        raise SettingsError(
            f"{path} can be read or changed by others than its owner (its mode is {mode:04o}), who could sign "
            f"evidence files with it. Keep it to its owner: chmod 600 {path}. If others may have read it, delete "
            "it: the next evidence file gets a new key, and earlier files count as another installation's."
        )
    if not _SEED.fullmatch(key):
        raise SettingsError(
            f"{path} is damaged: it has {len(key)} characters, and a key is 64 hexadecimal digits. Restore it "
            "from a copy, or delete it: the next evidence file gets a new key, and earlier files count as another "
            "installation's."
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
