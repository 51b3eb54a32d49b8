"""Unix datagram sockets in one folder, one for each subscribed event loop; a file's name has its topics."""

import hashlib
import os
import secrets
import socket
import stat
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from outlast.backends.hints import encode_hint
from outlast.ports.notifier import Topic

MAX_ADDRESS_BYTES = 100
"""The smallest limit among systems is 104, with the final NUL."""
MAX_MESSAGE_BYTES = 8_000
LISTING_TTL = 1.0
"""Seconds that a listing of the folder is cached."""
MTIME_RESOLUTION = 50_000_000
"""Nanoseconds within which two changes of a folder may have the same modification time."""
STALE_AFTER = 60.0
"""Seconds after its last change from which no process is about to bind a socket in a folder."""

LETTERS = {Topic.WAITING: "w", Topic.CANCEL: "c", Topic.CONTROL: "k", Topic.CHANGED: "h"}


class UnixSockets:
    """Sends hints to the sockets of a folder. Safe from any thread; never blocks, never raises `OSError`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._requested = folder
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._listed: list[tuple[str, frozenset[str]]] = []
        self._listed_at = -LISTING_TTL
        self._changed_at = -1
        self._overflowed: set[tuple[str, Topic]] = set()

    def open(self) -> None:
        """Create the private folder and a socket to send from; without them, nothing is sent."""
        with self._lock, suppress(OSError, AttributeError):
            self.folder = private_folder(self._requested)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            for file in self.folder.iterdir():
                self._send(file.name, b"")
            remove_stale_folders()

    def close(self) -> None:
        with self._lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = None
            if self.folder != self._requested:
                remove_if_unused(self.folder)

    def bind(self, topics: Iterable[Topic]) -> "UnixSocket":
        """Bind a new socket. Raises `OSError`, or `AttributeError` on systems without Unix sockets."""
        try:
            return UnixSocket(private_folder(self._requested), topics)
        except FileNotFoundError:  # another process has just removed the folder
            return UnixSocket(private_folder(self._requested), topics)

    def send(self, topic: Topic, keys: Sequence[str], own: set[str]) -> None:
        """Send a hint to all sockets with this topic, except those named in `own`."""
        with self._lock:
            if self._socket is None:
                return
            recipients = self._recipients(topic, own)
            messages = list(encode_hint(topic, keys, MAX_MESSAGE_BYTES)) if recipients else []
            for name in recipients:
                overflowed = (name, topic) in self._overflowed
                self._overflowed.discard((name, topic))
                for message in encode_hint(topic, [""], MAX_MESSAGE_BYTES) if overflowed else messages:
                    if not self._send(name, message):
                        self._overflowed.add((name, topic))

    def _recipients(self, topic: Topic, own: set[str]) -> list[str]:
        """Return the names from a listing that is renewed if the folder has changed, and every `LISTING_TTL`."""
        try:
            changed_at = os.stat(self.folder).st_mtime_ns  # noqa: PTH116 - as in `_send`
            now = time.monotonic()
            if changed_at != self._changed_at or now - self._listed_at >= LISTING_TTL:
                names = [file.name for file in self.folder.iterdir()]
                self._listed = [(name, frozenset(name.partition(".")[0])) for name in names]
                self._listed_at = now
                unambiguous = time.time_ns() - changed_at > MTIME_RESOLUTION
                self._changed_at = changed_at if unambiguous else -1
        except OSError:
            return []
        letter = LETTERS[topic]
        return [name for name, letters in self._listed if letter in letters and name not in own]

    def _send(self, name: str, message: bytes) -> bool:
        """Return `False` if the receiver's queue is full."""
        path = os.path.join(self.folder, name)  # noqa: PTH118 - on every publish, and this is five times as quick
        try:
            if self._socket is not None:
                self._socket.sendto(message, path)
        except ConnectionRefusedError:  # its process is dead
            with suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - as above
        except FileNotFoundError:  # it was closed or renamed since the listing
            self._changed_at = -1
            self._listed_at -= LISTING_TTL
        except BlockingIOError:
            return False
        except OSError:  # hints may be lost
            pass
        return True


class UnixSocket:
    """A bound socket and its file."""

    LONGEST_NAME = "chw.4194304-0123456789ab"

    def __init__(self, folder: Path, topics: Iterable[Topic]) -> None:
        self._folder = folder
        self._suffix = f"{os.getpid()}-{secrets.token_hex(6)}"
        self.name = self._name_for(topics)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self.socket.setblocking(False)
            self.socket.bind(os.fspath(folder / self.name))
        except OSError:
            self.socket.close()
            raise

    def set_topics(self, topics: Iterable[Topic]) -> None:
        """Receive these topics from now on: the file is renamed, the socket stays bound."""
        name = self._name_for(topics)
        if name != self.name:
            (self._folder / self.name).rename(self._folder / name)
            self.name = name

    def receive(self, limit: int) -> list[bytes]:
        """Return the messages in the queue, at most `limit`, without waiting."""
        messages: list[bytes] = []
        with suppress(OSError):
            while len(messages) < limit:
                messages.append(self.socket.recv(MAX_MESSAGE_BYTES * 2))
        return messages

    def close(self) -> None:
        self.socket.close()
        with suppress(OSError):
            (self._folder / self.name).unlink()
        if is_temporary(self._folder):
            remove_if_unused(self._folder)

    def _name_for(self, topics: Iterable[Topic]) -> str:
        return "".join(sorted(LETTERS[topic] for topic in topics)) + "." + self._suffix


def is_temporary(folder: Path) -> bool:
    """Return whether this folder is in the temporary folder, in place of one whose path is too long."""
    return folder.parent == Path(tempfile.gettempdir()) and folder.name.startswith(_prefix())


def remove_if_unused(folder: Path) -> None:
    """Remove the sockets of dead processes, and then the folder if it is empty."""
    with suppress(OSError, AttributeError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)
        for file in folder.iterdir():
            try:
                probe.sendto(b"", os.fspath(file))
            except ConnectionRefusedError:
                file.unlink(missing_ok=True)
            except OSError:  # its process is alive, or it is being closed
                pass
        folder.rmdir()


def remove_stale_folders() -> None:
    """Remove the folders that killed processes of this user have left in the temporary folder."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_prefix()}*"):
        with suppress(OSError):
            found = folder.lstat()
            if (
                stat.S_ISDIR(found.st_mode)
                and found.st_uid == os.geteuid()
                and time.time() - found.st_mtime > STALE_AFTER
            ):
                remove_if_unused(folder)


def _prefix() -> str:
    return f"outlast-{os.geteuid()}-"


def private_folder(requested: Path) -> Path:
    """Create the folder for this user alone; one in the temporary folder if its path is too long for a socket.

    Raises `OSError` if the folder in the temporary folder belongs to another user.
    """
    longest = requested.absolute() / UnixSocket.LONGEST_NAME
    if len(os.fsencode(longest)) <= MAX_ADDRESS_BYTES:
        requested.mkdir(mode=0o700, parents=True, exist_ok=True)
        return requested
    name = hashlib.sha256(os.fsencode(requested.resolve())).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"{_prefix()}{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not a folder that only this user can access.")
    return folder
