"""Static files: compressed in memory, under names with a hash of their content that browsers keep for ever."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Final

from starlette.responses import FileResponse, Response

from outlast.web.bundle import bundle, imported, minified
from outlast.web.problems import not_found

KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""The types of files that are kept in memory and compressed; files of other types are read from the disk."""
LARGEST: Final = 1_000_000
"""Bytes of a file that is kept in memory."""
DIGEST: Final = 12
"""Characters of the hash in a name."""
HASHED: Final = re.compile(rf"(?P<stem>.+)\.(?P<digest>[0-9a-f]{{{DIGEST}}})(?P<suffix>\.[a-z0-9]+)")
REFERENCE: Final = re.compile(r"""(?P<quote>["'])\./(?P<name>[a-z0-9.-]+)(?P=quote)""")
FOR_EVER: Final = "public, max-age=31536000, immutable"
REVALIDATED: Final = "no-cache"


@dataclass(frozen=True, slots=True)
class _Kept:
    content: bytes
    compressed: bytes


@dataclass(frozen=True, slots=True)
class _Version:
    """All files of the folder at one time."""

    seen: tuple[tuple[str, int, int], ...]
    digest: str
    files: Mapping[str, _Kept]
    needed: Mapping[str, list[str]]
    """The modules that each of our own modules imports, by way of others too."""


class StaticFiles:
    """The files of one folder, served below `path`. One hash covers all of them, as modules import each other."""

    def __init__(
        self, folder: Path | None, path: str, *, bundles: Mapping[str, tuple[str, ...]] | None = None
    ) -> None:
        """`bundles` are additional files: the modules of the folder that each one joins. Then no file changes."""
        self._folder = folder
        self._path = path
        self._bundles = bundles or {}
        self._version: _Version | None = None

    def url(self, name: str) -> str:
        """The path of the file, with the hash in its name."""
        version = self._current()
        if name not in version.files:
            return self._path + name
        stem, dot, suffix = name.rpartition(".")
        return f"{self._path}{stem}.{version.digest}{dot}{suffix}"

    def urls(self, suffix: str) -> list[str]:
        """The paths of all files with this suffix, in the order of their names."""
        return [self.url(name) for name in sorted(self._current().files) if name.endswith(suffix)]

    def respond(self, name: str, headers: Mapping[bytes, bytes]) -> Response:
        """The response to a request for `name`, with or without the hash. Raises 404 if there is no such file."""
        version = self._current()
        found = HASHED.fullmatch(name)
        plain = name if found is None or name in version.files else found["stem"] + found["suffix"]
        if (kept := version.files.get(plain)) is None:
            return self._from_disk(name, headers)
        # pages of another version, whose process this request did not reach, get the file of this one, for now
        exact = found is not None and found["digest"] == version.digest
        answer = {
            "Cache-Control": FOR_EVER if exact else REVALIDATED,
            "ETag": f'W/"{version.digest}"',
            "Vary": "Accept-Encoding",
        }
        if _matches(headers, answer["ETag"]):
            return Response(status_code=304, headers=answer)
        if plain.endswith(".js") and not exact:
            return Response(self._stand_in(plain, kept), headers=answer, media_type=KINDS[".js"])
        content = kept.content
        if accepts_gzip(headers) and len(kept.compressed) < len(content):
            content, answer["Content-Encoding"] = kept.compressed, "gzip"
        return Response(content, headers=answer, media_type=KINDS[Path(plain).suffix])

    def _stand_in(self, name: str, kept: _Kept) -> str:
        """A module in place of one without the hash: browsers run a module once for each of its addresses.

        It names all modules that are needed, which a browser then loads at the same time.
        """
        needed = self._current().needed.get(name, ())
        first = "".join(f'import "./{self.url(each).rpartition("/")[2]}";\n' for each in needed)
        source = f'"./{self.url(name).rpartition("/")[2]}"'
        default = f"export {{ default }} from {source};\n" if b"export default" in kept.content else ""
        return f"{first}export * from {source};\n{default}"

    def _from_disk(self, name: str, headers: Mapping[bytes, bytes]) -> Response:
        path = self._folder / name if self._folder is not None else None
        if path is None or name.startswith(".") or not path.is_file():
            raise not_found()
        status = path.stat()
        tag = f'W/"{status.st_mtime_ns:x}-{status.st_size:x}"'
        answer = {"Cache-Control": REVALIDATED, "ETag": tag}
        if _matches(headers, tag):
            return Response(
                status_code=304, headers={**answer, "Last-Modified": formatdate(status.st_mtime, usegmt=True)}
            )
        return FileResponse(path, headers=answer)

    def _current(self) -> _Version:
        """The folder's version; files that the developer has changed are read again."""
        if self._version is not None and self._bundles:
            return self._version
        seen = tuple(
            sorted(
                (path.name, status.st_mtime_ns, status.st_size)
                for path in (self._folder.iterdir() if self._folder is not None else ())
                if path.suffix in KINDS and path.is_file() and (status := path.stat()).st_size <= LARGEST
            )
        )
        if self._version is None or self._version.seen != seen:
            self._version = self._read(seen)
        return self._version

    def _read(self, seen: tuple[tuple[str, int, int], ...]) -> _Version:
        raw = {name: (self._folder / name).read_bytes() for name, *_ in seen} if self._folder is not None else {}
        scripts = {
            name: content.decode() for name, content in raw.items() if name.endswith(".js") and self._bundles
        }
        needed = {name: imported(scripts, name) for name in scripts}
        scripts |= {name: bundle(scripts, entries) for name, entries in self._bundles.items()}
        raw |= {name: minified(source).encode() for name, source in scripts.items()}
        digest = hashlib.sha256()
        for name, content in sorted(raw.items()):
            digest.update(b"%s\0%d\0%s" % (name.encode(), len(content), content))
        version = digest.hexdigest()[:DIGEST]

        def with_hash(found: re.Match[str]) -> str:
            quote, name = found["quote"], found["name"]
            stem, dot, suffix = name.rpartition(".")
            return f"{quote}./{stem}.{version}{dot}{suffix}{quote}" if name in raw else found[0]

        files: dict[str, _Kept] = {}
        for name, content in raw.items():
            if name.endswith((".js", ".css")):
                content = REFERENCE.sub(with_hash, content.decode(errors="surrogateescape")).encode(  # noqa: PLW2901 - the name is right
                    errors="surrogateescape"
                )
            files[name] = _Kept(content, gzip.compress(content, 9, mtime=0))
        return _Version(seen, version, files, needed)


def accepts_gzip(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the client accepts gzip, by its `Accept-Encoding`."""
    for part in headers.get(b"accept-encoding", b"").lower().split(b","):
        name, _, parameters = part.strip().partition(b";")
        if name.strip() in {b"gzip", b"x-gzip"}:
            return re.fullmatch(rb"\s*q\s*=\s*0(?:\.0*)?\s*", parameters) is None
    return False


def _matches(headers: Mapping[bytes, bytes], tag: str) -> bool:
    """Whether `If-None-Match` has this tag, by weak comparison (RFC 9110)."""
    given = headers.get(b"if-none-match", b"").decode("latin-1")
    plain = tag.removeprefix("W/")
    return given.strip() == "*" or any(one.strip().removeprefix("W/") == plain for one in given.split(","))
