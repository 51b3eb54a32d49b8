"""People at the edge of a site under harm: each a cookie, noting in the ledger whatever it is told."""

import contextlib
import ssl
import threading
from collections.abc import Callable
from typing import Self

import httpx

import checker

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of plain HTTP: to read the certificates of the system takes each of them longer than a request."""


class Visitor:
    """One cookie. `root` is asked for each request, so that a visitor may come to several API machines.

    Those who look at the same sessions share a `turn`: the ledger has the looks in the order of their answers.
    """

    def __init__(
        self, root: Callable[[], str], ledger: checker.Ledger, turn: "threading.Lock | None" = None
    ) -> None:
        self._turn = turn or threading.Lock()
        self.http = httpx.Client(timeout=5, trust_env=False, verify=PLAIN)
        self._root = root
        self._ledger = ledger
        self.token = ""

    def greet(self) -> None:
        """Get a cookie, for whichever machine is asked next."""
        answer = self.http.get(self._root() + "/api/analysis/token")
        if answer.status_code == 200:
            self.token = answer.json()["token"]
            self.http.cookies = httpx.Cookies({c.name: c.value or "" for c in self.http.cookies.jar})

    def same_as(self, other: "Visitor") -> Self:
        """The same person in another tab, once that one has greeted."""
        self.token = other.token
        self.http.cookies = httpx.Cookies({c.name: c.value or "" for c in other.http.cookies.jar})
        return self

    def start(self, analysis: str, n: int, **more: str) -> str | None:
        """The session's id; an answer that never came, or a refusal, is no acknowledgement."""
        with contextlib.suppress(httpx.TransportError):
            if not self.token:
                self.greet()
            answer = self.http.post(
                self._root() + "/api/analysis/start",
                json={"analysis": analysis, "input": {"n": n, **more}},
                headers={"X-CSRF-Token": self.token},
            )
            if answer.status_code == 202:
                session: str = answer.json()["session_id"]
                self._ledger.acknowledged[session] = n
                return session
        return None

    def look(self, session: str) -> str:
        """Its status, or nothing while the site is away."""
        with self._turn, contextlib.suppress(httpx.TransportError):
            answer = self.http.get(f"{self._root()}/api/analysis/progress/{session}")
            if answer.status_code == 200:
                s = answer.json()
                sight = checker.Sight(session, s["version"], s["progress_percentage"], s["status"], s["result"])
                self._ledger.sights.append(sight)
                return sight.status
            if answer.status_code == 404:
                return "not there"
        return ""

    def pry(self, session: str) -> None:
        """Look at what is not its own."""
        with contextlib.suppress(httpx.TransportError):
            status = self.http.get(f"{self._root()}/api/analysis/progress/{session}").status_code
            if status < 500:  # nothing was told while the store was away
                self._ledger.foreign.append((session, status))

    def close(self) -> None:
        self.http.close()
