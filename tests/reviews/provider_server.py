"""A provider's API on a port of its own: answers each request as the test has written it down."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from local_http import Quiet, serving


class Reply(NamedTuple):
    """`cut` bytes are promised and never sent."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    cut: int = 0


class Asked(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


def said(value: object, status: int = 200, **headers: str) -> Reply:
    return Reply(json.dumps(value).encode(), status, {"Content-Type": "application/json", **headers})


class ProviderServer:
    """Each path has a list of replies; the last one stays."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.replies: dict[str, list[Reply]] = {}
        self.asked: list[Asked] = []

    def times(self, path: str) -> int:
        return sum(asked.path == path for asked in self.asked)

    def next(self, path: str) -> Reply:
        replies = self.replies.get(path, [said({"error": "nothing here"}, 404)])
        return replies.pop(0) if len(replies) > 1 else replies[0]


@contextlib.contextmanager
def provider_server() -> Iterator[ProviderServer]:
    class Handler(Quiet):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            provider.asked.append(
                Asked(self.command, parts.path, query, dict(self.headers), json.loads(body) if body else None)
            )
            reply = provider.next(parts.path)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(reply.body) + reply.cut))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(reply.body)

        def do_POST(self) -> None:
            self.do_GET()

    with serving(Handler) as port:
        provider = ProviderServer(port)
        yield provider
