"""Requests that nobody would send by mistake: a seeded generator over routes, parameters, headers and bodies."""

import gzip
import json
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from outlast.web.routes import ROUTES, Route

BOUNDARY = "boundary"
LETTERS = "abcxyz234567"
STRANGE_TEXTS = (
    *(
        "",
        " ",
        "\x00",
        "\x00\x01\x7f",
        "a\r\nb",
        "\ud800",
        "\U0001f600" * 50,
        "é" * 300,
        "\u202e\ufeff",
        "x" * 5_000,
    ),
    *("'; DROP TABLE analysis_sessions; --", "{{7*7}}", "%s%n", "../../etc/passwd", "<script>alert(1)</script>"),
    *(
        "NaN",
        "Infinity",
        "-0",
        "1e400",
        "9" * 5_000,
        "٣٠",
        "1_0",
        "0x10",
        "true",
        "null",
        "upload:",
        "upload:" + "0" * 64,
    ),
    *(
        "http://",
        "http://[::1",
        "http://a b/",
        "http://unreadable.example/",
        "javascript:alert(1)",
        "file:///etc/passwd",
    ),
)
STRANGE_BYTES = (
    b"",
    b" ",
    b"\xff\xfe",
    b"\x80" * 40,
    b"\xc3\x28",
    b"a" * 3_000,
    b"\t",
    b"=;=;,",
    b'"' * 9,
    b"\xf0\x9f\x98",
)
STRANGE_ESCAPES = (
    "%00",
    "%ff",
    "%",
    "%zz",
    "%2e%2e%2f",
    "%25",
    "%0d%0a",
    "%F0%9F%98%80",
    "%c3%28",
    "+",
    "%u0041",
    "//",
    "..",
)
ESCAPED_TEXTS = tuple(
    "".join(f"%{b:02x}" for b in text.encode("utf-8", "surrogatepass"))[:6_000] for text in STRANGE_TEXTS
)
STRANGE_VALUES = (*STRANGE_TEXTS, None, True, 0, -1, 10**30, 10**4_000, 1.5, float("nan"), float("inf"))
FILES = ("outlast.css", "echo.txt", "feed.js", "report.json", "flagged.csv", "reviews.css")
STRANGE_PARAMETERS = (
    *STRANGE_ESCAPES,
    *("a" * 26, "A" * 26, "%61" * 26, ".", "...", "-", "a.b" * 80),
    *("a" * length for length in (25, 101, 255, 256, 300, 1_000, 4_096, 5_000, 20_000)),
)
METHODS = (
    "GET",
    "HEAD",
    "POST",
    "DELETE",
    "PUT",
    "PATCH",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "G\x00T",
)
TYPES = (
    *(
        "application/json",
        "application/json; charset=utf-16",
        "application/x-www-form-urlencoded",
        "text/plain",
        "",
    ),
    *(
        f"multipart/form-data; boundary={BOUNDARY}",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "a/b;" * 50,
    ),
    f'multipart/form-data; boundary="{"b" * 300}"; charset=idna',
    f"multipart/form-data; charset=punycode; boundary={BOUNDARY}",
    *(
        "application/x-www-form-urlencoded; charset=utf-7",
        "MULTIPART/FORM-DATA; BOUNDARY=\xe9",
        "multipart/mixed; boundary=b",
    ),
)
NUMBERS = (
    "0",
    "0.0",
    "-1",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1e-400",
    "",
    "x",
    "9" * 400,
    "0x1",
    "0;0",
    "٠",
    "0&wait=0",
)
COMMON = (
    "Accept",
    "Accept-Encoding",
    "Authorization",
    "Connection",
    "Content-Encoding",
    "Expect",
    "Forwarded",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "Last-Event-ID",
    "Origin",
    "Range",
    "Referer",
    "Sec-Fetch-Site",
    "TE",
    "Upgrade",
    "Via",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Requested-With",
)
USUAL = (
    *(
        "*/*",
        "text/html",
        "text/event-stream",
        "gzip, br",
        "close",
        "keep-alive",
        "websocket",
        "h2c",
        "100-continue",
        "*",
    ),
    *(
        '"x"',
        'W/"x", "y"',
        "bytes=0-",
        "bytes=5-2",
        "bytes=-1",
        "bytes=0-0,1-1,2-2," * 40,
        "bytes=" + "9" * 50,
        "0",
        "-1",
    ),
    *(
        "http://localhost",
        "null",
        "http://[",
        "http://evil.example",
        "same-origin",
        "cross-site",
        "127.0.0.1, 10.0.0.1",
    ),
    *(
        "https",
        "Mon, 01 Jan 2024 00:00:00 GMT",
        "Thu, 99 Foo 9999 99:99:99 GMT",
        "for=_x;proto=https",
        "Basic !!!",
    ),
)
MOST = [r for name in ("start", "start", "upload", "submit", "progress") for r in ROUTES if r.name == name]
"""Routes with the most to read."""


@dataclass(frozen=True, slots=True)
class Known:
    """What exists, so that requests get further than the door."""

    cookie: str
    token: str
    operator_token: str
    sessions: Sequence[str]
    links: Sequence[str]
    uploads: Sequence[str]


@dataclass(frozen=True, slots=True)
class Generated:
    """One request as it goes over the wire."""

    data: bytes
    whole: bool
    """Its body is not cut short, so that an answer comes without an end of the connection."""


class Requests:
    """An endless supply; the same seed gives the same ones."""

    def __init__(self, seed: int, known: Known) -> None:
        self._random = random.Random(seed)
        self._known = known

    def one(self) -> Generated:
        route = self._random.choice(MOST if self._often(0.5) else ROUTES)
        method = self._pick(sorted(route.methods), METHODS, 0.9)
        body, kind = self._body(route)
        headers = self._headers(route, kind)
        framing, sent, whole = self._framed(method, body)
        headers += framing
        self._random.shuffle(headers)
        head = b"%s %s %s\r\n" % (method.encode("latin-1"), self._target(route), self._version())
        return Generated(head + b"".join(b"%s: %s\r\n" % h for h in headers) + b"\r\n" + sent, whole)

    def _often(self, probability: float) -> bool:
        return self._random.random() < probability

    def _pick(self, usual: Sequence[str], strange: Sequence[str], probability: float) -> str:
        return self._random.choice(usual if usual and self._often(probability) else strange)

    def _version(self) -> bytes:
        return self._random.choice([b"HTTP/1.1"] * 40 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9.9", b"HTTP/", b"x"])

    # addresses

    def _target(self, route: Route) -> bytes:
        path = re.sub(r"\{(\w+)\}", lambda found: self._parameter(found[1]), route.path)
        if self._often(0.05):
            at = self._random.randrange(len(path) + 1)
            path = path[:at] + self._random.choice(STRANGE_ESCAPES) * self._random.choice([1, 2, 200]) + path[at:]
        if self._often(0.02):
            path = self._random.choice(
                ["", "*", "http://evil.example" + path, "http://evil.example", "?", "#", "/" * 3_000]
            )
        if self._often(0.4):
            fields = [self._field() for _ in range(self._random.choice([1, 1, 2, 30]))]
            path += "?" + self._random.choice("&&&;?").join(fields)
        return path.encode("utf-8", "surrogatepass")

    def _parameter(self, name: str) -> str:
        usual = {"session_id": self._known.sessions, "link": self._known.links, "file": FILES}
        return self._pick(usual[name], STRANGE_PARAMETERS, 0.65)

    def _field(self) -> str:
        name = self._random.choice(
            [
                "wait",
                "wait",
                "status",
                "analysis",
                "key",
                "page",
                "clear",
                "check",
                "incentivised",
                "",
                "%00",
                "wait%00",
            ]
        )
        value = self._pick(NUMBERS, (*STRANGE_ESCAPES, *ESCAPED_TEXTS), 0.6)
        return f"{name}={value}" if self._often(0.95) else name

    # headers

    def _headers(self, route: Route, kind: str) -> list[tuple[bytes, bytes]]:
        found = [(b"Host", b"localhost" if self._often(0.95) else self._value())]
        if self._often(0.85):
            found.append((b"Cookie", self._known.cookie.encode()))
        elif self._often(0.5):
            cookie = self._value()
            found.append(
                (
                    b"Cookie",
                    self._random.choice([cookie, b"outlast_owner=" + cookie, b"outlast_operator=" + cookie]),
                )
            )
        if route.csrf_token is not None and self._often(0.9):
            found.append((b"X-CSRF-Token", self._known.token.encode() if self._often(0.9) else self._value()))
        if kind:
            found.append((b"Content-Type", kind.encode("latin-1")))
        more = self._random.choice([0, 0, 1, 2, 5])
        found += [(self._random.choice(COMMON).encode(), self._value()) for _ in range(more)]
        if self._often(0.03):
            found.append(
                (
                    self._random.choice(
                        [b"X-\xff", b"", b"A B", b"X" * 300, b"Transfer-Encoding", b"Content-Length"]
                    ),
                    self._value(),
                )
            )
        if self._often(0.03):
            found.append(self._random.choice(found))
        return found

    def _value(self) -> bytes:
        if self._often(0.7):
            return self._random.choice(USUAL).encode()
        return self._random.choice(STRANGE_BYTES) * self._random.choice([1, 1, 3])

    # bodies

    def _framed(self, method: str, body: bytes) -> tuple[list[tuple[bytes, bytes]], bytes, bool]:
        """The headers that say how long the body is, the body as it is sent, and whether that is all of it."""
        if method in {"GET", "HEAD"} and self._often(0.9):
            return [], b"", True
        how = self._random.choice(["length"] * 12 + ["chunks"] * 6 + ["short", "wrong", "none"])
        if how == "length":
            return [(b"Content-Length", b"%d" % len(body))], body, True
        if how == "short":
            return [(b"Content-Length", b"%d" % (len(body) + 10))], body, False
        if how == "wrong":
            return (
                [(b"Content-Length", self._random.choice([b"-1", b"x", b"9" * 30, b"0x10", b"1,1", b""]))],
                body,
                False,
            )
        if how == "none":
            return [], body, True
        size = self._random.choice([1, 7, 1_000, 100_000]) if len(body) < 2_000 else 1_000
        parts = [body[at : at + size] for at in range(0, len(body), size)]
        last = self._random.choice(
            [b"0\r\n\r\n"] * 8 + [b"0\r\nHost: evil.example\r\n\r\n", b"0;x=y\r\n\r\n", b"zz\r\n\r\n", b""]
        )
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in parts) + last
        return [(b"Transfer-Encoding", b"chunked")], chunks, last not in {b"zz\r\n\r\n", b""}

    def _body(self, route: Route) -> tuple[bytes, str]:
        """A body and the type that it is sent as."""
        usual: Callable[[], tuple[bytes, str]] = {
            "start": lambda: (self._json_body(), TYPES[0]),
            "upload": lambda: (self._multipart(), TYPES[5]),
        }.get(route.name, self._form if route.takes_body else lambda: (b"", ""))
        body, kind = (
            usual()
            if self._often(0.8)
            else self._random.choice(
                [
                    lambda: (self._json_body(), TYPES[0]),
                    lambda: (self._multipart(), TYPES[5]),
                    self._form,
                    lambda: (self._random.choice(STRANGE_BYTES), self._random.choice(TYPES)),
                ]
            )()
        )
        if self._often(0.1):
            kind = self._random.choice(TYPES)
        if body and self._often(0.15):
            body = self._spoilt(body)
        return body, kind

    def _spoilt(self, body: bytes) -> bytes:
        at = self._random.randrange(len(body))
        return self._random.choice(
            [
                body[:at],
                body[at:],
                body[:at] + self._random.choice(STRANGE_BYTES) + body[at:],
                body[:at] + bytes([self._random.randrange(256)]) + body[at + 1 :],
                gzip.compress(body, 1),
                body * 2,
            ]
        )

    def _json_body(self) -> bytes:
        name = self._pick(["echo", "held", "product", "hollow", "moving"], STRANGE_TEXTS, 0.85)
        text: Any = self._json_value(0 if self._often(0.2) else 3)
        given = {
            "echo": {"text": text},
            "held": {"text": text, "moves": self._json_value(2)},
            "product": {"source": text},
        }
        whole: Any = {"analysis": name, "input": given.get(name, {"name": text})}
        if self._often(0.1):
            whole = {"productUrl": text}
        if self._often(0.1):
            whole = self._json_value(0)
        if self._often(0.1) and isinstance(whole, dict):
            whole[self._random.choice(STRANGE_TEXTS)] = self._json_value(1)
        encoded = json.dumps(whole, ensure_ascii=self._often(0.7))
        if self._often(0.1):
            deep = self._random.choice([50, 900, 3_000, 100_000])
            encoded = encoded.replace('"', "[" * deep + '"', 1) if self._often(0.5) else '{"a":' * deep
        return encoded.encode(
            self._random.choice(["utf-8"] * 8 + ["utf-16", "utf-8-sig", "utf-32-be", "latin-1"]), "replace"
        )

    def _json_value(self, depth: int) -> Any:
        if depth < 3 and self._often(0.2):
            return {self._random.choice(STRANGE_TEXTS): self._json_value(depth + 1) for _ in range(3)}
        if depth < 3 and self._often(0.2):
            return [self._json_value(depth + 1) for _ in range(3)]
        return self._random.choice([*STRANGE_VALUES, *self._known.uploads])

    def _fields(self) -> list[tuple[str, str]]:
        found = [("csrf_token", self._random.choice([self._known.token, self._known.operator_token]))]
        found += [("analysis", self._pick(["echo", "product", "held"], STRANGE_TEXTS, 0.9))]
        for name in ("text", "size", "moves", "source", "source_kept", "key", "name"):
            if self._often(0.4):
                found.append((name, self._pick([*self._known.uploads, "7", "on"], STRANGE_TEXTS, 0.4)))
        if self._often(0.05):
            found += [(f"field{n}", "x") for n in range(200)]
        return found

    def _form(self) -> tuple[bytes, str]:
        if self._often(0.4):
            return self._multipart(), TYPES[5]
        quoted = [
            "&".join(
                f"{name}={''.join(f'%{b:02x}' for b in text.encode('utf-8', 'surrogatepass'))}"
                for name, text in self._fields()
            )
        ]
        if self._often(0.2):
            quoted.append(f"{self._random.choice(STRANGE_ESCAPES)}={self._random.choice(STRANGE_ESCAPES)}")
        return "&".join(quoted).encode(), TYPES[2]

    def _multipart(self) -> bytes:
        parts: list[bytes] = []
        for name, text in self._fields():
            parts.append(self._part(f'form-data; name="{name}"', b"", text.encode("utf-8", "surrogatepass")))
        for name in self._random.sample(
            ["file", "source_file", "source", "text"], self._random.choice([0, 1, 1, 2])
        ):
            filename = self._random.choice(
                ["a.csv", "", "é" * 200, "../a", "a\x00b", "\u202e.csv", 'a"; b="c', "x" * 2_000]
            )
            more = self._random.choice(
                [
                    b"",
                    b"Content-Type: text/csv\r\n",
                    b"Content-Type: \xff\r\n",
                    b"Content-Transfer-Encoding: base64\r\n",
                    b"X: " + b"y" * 9_000 + b"\r\n",
                ]
            )
            content = self._random.choice(
                [b"", b"rating,text\n5,fine\n", b"\x00" * 2_000, gzip.compress(b"a" * 2_000), *STRANGE_BYTES]
            )
            disposition = self._random.choice(
                [
                    f'form-data; name="{name}"; filename="{filename}"',
                    f"form-data; filename*=utf-8''%ff; name={name}",
                    "attachment",
                    "",
                ]
            )
            parts.append(self._part(disposition, more, content))
        self._random.shuffle(parts)
        return (
            b"".join(parts)
            + self._random.choice([f"--{BOUNDARY}--\r\n"] * 8 + ["", "--", f"--{BOUNDARY}\r\n"]).encode()
        )

    def _part(self, disposition: str, more: bytes, content: bytes) -> bytes:
        head = f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n".encode("utf-8", "surrogatepass")
        return head + more + b"\r\n" + content + b"\r\n"
