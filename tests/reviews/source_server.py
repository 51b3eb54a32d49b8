"""Real servers on a port of their own: one that answers as told, and one that must never be spoken to."""

import contextlib
import socket
from collections.abc import Iterator
from typing import NamedTuple

from local_http import Quiet, serving

HTML = {"Content-Type": "text/html; charset=utf-8"}


class Answer(NamedTuple):
    body: bytes = b"<html>hello</html>"
    status: int = 200
    headers: dict[str, str] = HTML
    length: bool = True


class Shop:
    """Answers each path as `answers` says and keeps what it was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def allow(self) -> set[tuple[str, int]]:
        return {("127.0.0.1", self.port)}

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def redirect(self, path: str, to: str, status: int = 302) -> str:
        self.answers[path] = Answer(b"", status, {"Location": to})
        return self.url(path)


@contextlib.contextmanager
def shop_server() -> Iterator[Shop]:
    class Handler(Quiet):
        def do_GET(self) -> None:
            shop.asked.append((self.path, dict(self.headers)))
            answer = shop.answers.get(self.path, Answer(b"gone", 404))
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            if answer.length:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                self.wfile.write(answer.body)

    with serving(Handler) as port:
        shop = Shop(port)
        yield shop


class Canary:
    """Listens, and knows whether anybody ever came."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.port: int = listener.getsockname()[1]

    @property
    def sang(self) -> bool:
        """Connections wait in the listener's backlog, so that none can be missed."""
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return False
        connection.close()
        return True


@contextlib.contextmanager
def canary_listener() -> Iterator[Canary]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        listener.setblocking(False)
        yield Canary(listener)
