"""Simulated visitors of one site: they start sessions, watch them in second tabs, and request foreign ones."""

import random
import threading
import time
from collections.abc import Sequence

import checker
from site_process import SiteProcess
from visitor import Visitor


class Crowd:
    """`owners` visitors, each with a second tab, and a stranger."""

    def __init__(self, site: SiteProcess, ledger: checker.Ledger, owners: int) -> None:
        self._ledger = ledger
        self._over = threading.Event()
        self._turn = threading.Lock()

        def visitor() -> Visitor:
            return Visitor(lambda: site.root, ledger, self._turn)

        self._starting = [visitor() for _ in range(owners)]
        self._watching = [visitor() for _ in range(owners)]
        self._stranger = visitor()
        self._owner_of: dict[str, int] = {}
        self._threads: list[threading.Thread] = []

    def start(self, kinds: Sequence[str], pause: float, seed: int) -> None:
        """Start one session of each kind, `pause` seconds apart. The site must be running."""
        for visitor, second_tab in zip(self._starting, self._watching, strict=True):
            visitor.greet()
            second_tab.same_as(visitor)
        self._threads = [
            threading.Thread(target=self._start, args=(kinds, pause, random.Random(seed + 2)), daemon=True),
            threading.Thread(target=self._observe, args=(random.Random(seed + 1),), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def wait_for_ends(self, within: float) -> None:
        """Wait up to `within` seconds for all acknowledged sessions to end; the checker reports the others."""
        self._threads[0].join()
        left = dict(self._ledger.acknowledged)
        end = time.monotonic() + within
        while left and time.monotonic() < end:
            for session in list(left):
                if self._poll(session) in checker.FINAL:
                    del left[session]
            time.sleep(0.1)
        self._over.set()
        self._threads[1].join()
        for session in self._ledger.acknowledged:
            self._poll(session)

    def leave(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for visitor in (*self._starting, *self._watching, self._stranger):
            visitor.close()

    def _start(self, kinds: Sequence[str], pause: float, rng: random.Random) -> None:
        for n, kind in enumerate(kinds):
            owner = rng.randrange(len(self._starting))
            session = self._starting[owner].start(kind, n)
            if session is not None:
                self._owner_of[session] = owner
            if self._over.wait(pause):
                return

    def _observe(self, rng: random.Random) -> None:
        while not self._over.wait(0.01):
            if self._owner_of:
                session = rng.choice(list(self._owner_of))
                self._poll(session)
                if rng.random() < 0.05:
                    self._stranger.read_foreign(session)

    def _poll(self, session: str) -> str:
        return self._watching[self._owner_of[session]].poll(session)
