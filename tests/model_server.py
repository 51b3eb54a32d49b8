"""A local server of the chat completions API, which misbehaves as a test configures it."""

import contextlib
import json
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.message import Message
from typing import Any, NamedTuple

from local_http import Quiet, serving

JSON = {"Content-Type": "application/json"}
DOCUMENT = re.compile(r"\ABEGIN REVIEWS (\w+)\n(.*)\nEND REVIEWS \1\Z", re.DOTALL)
DOUBTFUL = "life changing miracle"
"""Words that this model doubts, and quotes."""


class Asked(NamedTuple):
    """One question as it came in."""

    body: dict[str, Any]
    headers: Message
    reviews: list[dict[str, Any]]

    @property
    def ids(self) -> list[str]:
        return [review["id"] for review in self.reviews]

    @property
    def form(self) -> str:
        return self.body.get("response_format", {"type": "text"})["type"]


class Answer(NamedTuple):
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = JSON
    cut_after: int | None = None
    """The connection is cut after so many bytes of the body."""


Behaviour = Callable[[Asked], Answer]


def judged(review: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    doubtful = DOUBTFUL in review["text"]
    honest = {
        "id": review["id"],
        "suspicion": 90 if doubtful else 5,
        "reasons": ["advertising_language"] if doubtful else [],
        "quote": DOUBTFUL if doubtful else "",
    }
    return honest | changes


def said(content: object, finish: str = "stop", usage: object = None) -> Answer:
    """A completion with this content, as JSON unless it is a text."""
    text = content if isinstance(content, str) else json.dumps(content)
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    whole = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return Answer(json.dumps(whole | ({"usage": usage} if usage is not None else {})).encode())


def judgements(items: Sequence[Any], **more: Any) -> Answer:
    return said({"judgements": items}, **more)


def honest(asked: Asked) -> Answer:
    return judgements([judged(review) for review in asked.reviews])


def refusal(status: int, message: str = "no", code: str | None = None, **headers: str) -> Answer:
    body = json.dumps({"error": {"message": message, "code": code, "type": code}}).encode()
    return Answer(body, status, {**JSON, **{k.replace("_", "-"): v for k, v in headers.items()}})


class Model:
    """Behaves as `first` says, one behaviour a question, and then as `behave` does; keeps what it was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/v1"
        self.asked: list[Asked] = []
        self.first: list[Behaviour] = []
        self.behave: Behaviour = honest
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    @property
    def texts(self) -> list[str]:
        """Every text that was asked about, as often as it was."""
        return [review["text"] for asked in self.asked for review in asked.reviews]

    def answer(self, asked: Asked) -> Answer:
        with self._lock:
            self.asked.append(asked)
            behave = self.first.pop(0) if self.first else self.behave
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return behave(asked)
        finally:
            with self._lock:
                self.at_once -= 1


def reviews_in(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The document between the marker lines, which nothing in a review can end early."""
    system, user = body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    found = DOCUMENT.match(user["content"])
    assert found, user["content"][:200]
    return json.loads(found[2])["reviews"]


@contextlib.contextmanager
def model_server() -> Iterator[Model]:
    class Handler(Quiet):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/v1/chat/completions":
                answer = refusal(404)
            else:
                answer = model.answer(Asked(body, self.headers, reviews_in(body)))
            with contextlib.suppress(ConnectionError):
                self._send(answer)

        def _send(self, answer: Answer) -> None:
            if answer.cut_after == 0:
                self._cut()
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body[: answer.cut_after])
            if answer.cut_after is not None:
                self._cut()

        def _cut(self) -> None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

        def finish(self) -> None:
            with contextlib.suppress(OSError, ValueError):
                super().finish()

    with serving(Handler) as port:
        model = Model(port)
        yield model
