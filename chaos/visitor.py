"""Simulated visitors of a site under harm: each has a cookie and records all responses in the ledger."""

import contextlib
import ssl
import threading
from collections.abc import Callable
from typing import Self

import httpx

import checker

PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""An SSL context for plain HTTP clients: loading the system's certificates takes longer than a request."""


class Visitor:
    """One cookie. `root` is asked for each request, so that a visitor may come to several API machines.

    Those who look at the same sessions share a `turn`: the ledger has the looks in the order of their answers.
    """

    def __init__(
        self, root: Callable[[], str], ledger: checker.Ledger, turn: "threading.Lock | None" = None
    ) -> None:
        self._turn = turn or threading.Lock()
        self.http = httpx.Client(timeout=5, trust_env=False, verify=PLAIN, event_hooks={"response": [self._count]})
        self._root = root
        self._ledger = ledger
        self.token = ""

    def greet(self) -> None:
        """Get a cookie and a CSRF token; they are valid on every machine."""
        answer = self.http.get(self._root() + "/api/analysis/token")
        if answer.status_code == 200:
            self.token = answer.json()["token"]
            self.http.cookies = httpx.Cookies({c.name: c.value or "" for c in self.http.cookies.jar})

    def same_as(self, other: "Visitor") -> Self:
        """Act as another tab of `other`, who must have a cookie."""
        self.token = other.token
        self.http.cookies = httpx.Cookies({c.name: c.value or "" for c in other.http.cookies.jar})
        return self

    def start(self, analysis: str, n: int, **more: str) -> str | None:
        """Start a session; returns its id, or `None` without an acknowledgement."""
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

    def poll(self, session: str) -> str:
        """Poll a session; returns its status, or an empty string while the site is down."""
        with self._turn, contextlib.suppress(httpx.TransportError):
            answer = self.http.get(f"{self._root()}/api/analysis/progress/{session}")
            if answer.status_code == 200:
                s = answer.json()
                snapshot = checker.ObservedSnapshot(
                    session, s["version"], s["progress_percentage"], s["status"], s["result"]
                )
                self._ledger.snapshots.append(snapshot)
                return snapshot.status
            if answer.status_code == 404:
                return "not there"
        return ""

    def read_foreign(self, session: str) -> None:
        """Request another visitor's session."""
        with contextlib.suppress(httpx.TransportError):
            status = self.http.get(f"{self._root()}/api/analysis/progress/{session}").status_code
            if status < 500:  # 5xx: the store was unavailable
                self._ledger.foreign.append((session, status))

    def close(self) -> None:
        self.http.close()

    def _count(self, answer: httpx.Response) -> None:
        self._ledger.statuses[answer.status_code] += 1
