"""Where the site is mounted: completes the paths of a request, whose prefix hosts and proxies strip or pass."""

import re
from urllib.parse import unquote_to_bytes

from starlette.types import Scope

PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+;=:@%-]+)+")
"""A path without its trailing slash."""


def checked_prefix(prefix: str) -> str:
    """The prefix without trailing slashes; raises `ValueError` if it is no path."""
    path = prefix.rstrip("/")
    if path and not PREFIX.fullmatch(path):
        raise ValueError(f"prefix is {prefix!r}; it is the path of the site, such as '/slow'.")
    return path


def mounted(scope: Scope, prefix: str, public_path: str) -> Scope:
    """The scope with the mount in `root_path`, the host's root in `app_root_path`, and both in front of `path`.

    `prefix` is the mount below the host's root; `public_path` is the whole path at which browsers reach the site.
    Whoever forwards the request may have stripped either from its path.
    """
    if not prefix and not public_path:
        return scope
    root: str = scope.get("root_path", "")
    host: str | None = scope.get("app_root_path")
    path = _below(scope["path"], root) or scope["path"]
    if prefix:
        host = root.removesuffix(prefix)
        if not root.endswith(prefix):
            root += prefix
            if not _was_stripped(scope, prefix, path):
                path = _below(path, prefix) or path
        path = path.rstrip("/") or "/"  # Litestar appends a slash
    if public_path != root and public_path.endswith(root):
        above = public_path.removesuffix(root)
        path = _below(path, public_path) or path
        host = None if host is None else above + host
        root = public_path
    host = root if host is None else host
    return {**scope, "path": root + path, "root_path": root, "app_root_path": host}


def _below(path: str, root: str) -> str | None:
    """The path relative to `root`; `None` if it is not below it."""
    if path == root:
        return "/"
    return path[len(root) :] if path.startswith(root + "/") else None


def _was_stripped(scope: Scope, prefix: str, path: str) -> bool:
    """Whether the host has stripped the prefix: a path of the site may begin like the prefix itself."""
    raw: bytes = scope.get("raw_path") or b""
    return unquote_to_bytes(raw).rstrip(b"/") == (prefix + path).encode().rstrip(b"/")
