"""Runs one server with hostile sessions and honest neighbours and checks the invariants."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from hostile.row import POSTPONED, Row
from hostile.site import name_of
from places import EMBEDDED, GRACE, LONG_GRACE, SUPERVISED, SYNC, Place, Visitor, seconds_until

FINAL = {"completed", "failed", "cancelled"}
STOP_GRACE = 5.0
"""Seconds within which code must end after it is asked to."""
DAY = 86_400.0
STOP_WITHIN = 2.0
"""Seconds beyond the grace period, or after the second signal, within which a site must stop."""
TURN = {"async": 0.5, "def": 0.5, "process": 5.0}
"""Extra seconds per session in the same server: a busy machine starts interpreters slowly."""
MOST_DEATHS = 3
REPLACED_WITHIN = 45.0
"""Extra seconds for a session whose worker may die three times, for restarts and for detecting a dead host."""
HONEST = ("honest", "honest_blocking")
ISOLATED_AT_ONCE = 3
"""Isolated sessions at once: each starts an interpreter, and a small machine starts few at a time."""


@dataclass(frozen=True)
class Cell:
    """One row of the table, run as one kind of analysis in one place."""

    row: Row
    kind: str
    place: str

    @property
    def tag(self) -> str:
        return f"{self.row.name}.{self.kind}"

    def __str__(self) -> str:
        return f"{self.place}/{self.row.name}.{self.kind}"


@dataclass
class Seen:
    """The observations of a run."""

    faults: dict[Cell, list[str]] = field(default_factory=dict)
    """Violations that one cell caused."""
    shared: list[str] = field(default_factory=list)
    """Violations of the server, which any of its cells may have caused."""
    ends: dict[Cell, str] = field(default_factory=dict)
    """How each hostile session ended, and after how long."""
    log: str = ""


class Run:
    """Runs cells of one place in one server. `slack` extends every time limit, for a busy machine."""

    def __init__(self, cells: Sequence[Cell], slack: float) -> None:
        self.cells = cells
        self._slack = slack
        self._place_name = cells[0].place
        self._worker_pids: set[int] = set()
        self.seen = Seen(faults={cell: [] for cell in cells})

    def go(self) -> Seen:
        with tempfile.TemporaryDirectory(prefix="menagerie-", ignore_cleanup_errors=True) as folder:
            rows = [cell.row.name for cell in self.cells]
            isolated = all(cell.kind == "process" for cell in self.cells)
            at_once = len(HONEST) + (ISOLATED_AT_ONCE if isolated else 100)
            place = Place(self._place_name, Path(folder), rows, at_once=at_once)
            try:
                place.start()
                self._check_all(place)
            except (AssertionError, OSError) as error:
                self.seen.shared.append(f"broke off: {error}")
            finally:
                place.remove()
                self.seen.log = place.log
        return self.seen

    def _check_all(self, place: Place) -> None:
        visitor = Visitor(place)
        try:
            for name in HONEST:
                visitor.start(name, name)
            self._wait(lambda: all(place.effects("begin", n, "tick0") for n in HONEST), 30, "the neighbours begin")
            began = time.monotonic()
            for cell in self.cells:
                visitor.start(name_of(cell.row, cell.kind), cell.tag)
            self._wait_for_ends(place, began)
            self._judge_ends(place, visitor)
            time.sleep(1.0)  # for processes left behind
            self._judge_children(place)
            self._judge_neighbours(place)
            self._judge_workers(place)
            self._judge_answers(place, visitor)
            self._judge_stop(place, visitor)
        finally:
            visitor.close()

    # -- the ends

    def _limit(self, cell: Cell) -> float:
        row = cell.row
        limit = row.timeout * row.attempts + STOP_GRACE + 2.0 * (row.attempts - 1) + self._slack
        return limit + REPLACED_WITHIN if cell.kind in row.fatal else limit

    def _wait_for_ends(self, place: Place, began: float) -> None:
        waiting = {cell.tag: cell for cell in self.cells}
        # all cells run at once on one machine, so each adds to the limit
        limit = max(map(self._limit, self.cells)) + sum(TURN[cell.kind] for cell in self.cells)
        while waiting and time.monotonic() - began < limit:
            self._watch(place)
            sessions = place.sessions()
            for tag, cell in list(waiting.items()):
                session = sessions.get(tag)
                if session and self._is_over(session, cell):
                    self.seen.ends[cell] = _end_of(session, time.monotonic() - began)
                    del waiting[tag]
            time.sleep(0.1)
        for tag, cell in waiting.items():
            session = place.sessions().get(tag)
            stands = (
                f"{session['status']}, attempt {session['attempt']}, crashes {session['crashes']}"
                if session
                else "no such session"
            )
            self.seen.ends[cell] = "never"
            self.seen.faults[cell].append(f"not ended after {limit:.0f} s ({stands})")

    def _is_over(self, session: dict, cell: Cell) -> bool:
        if session["status"] in FINAL:
            return True
        tried = session["status"] == "pending" and session["attempt"] > 0 and session["error"]
        return bool(tried) and POSTPONED in cell.row.ends and seconds_until(session["available_at"]) > 5

    def _watch(self, place: Place) -> None:
        self._worker_pids |= {worker["pid"] for worker in place.workers()}

    def _judge_ends(self, place: Place, visitor: Visitor) -> None:
        sessions, log = place.sessions(), place.log
        for cell in self.cells:
            if tag_refused := visitor.refused.get(cell.tag):
                self.seen.faults[cell].append(f"the start was answered {tag_refused}")
            session = sessions.get(cell.tag)
            if session and self.seen.ends[cell] != "never":
                self.seen.faults[cell] += list(_faults_of_end(session, cell, log))

    # -- what is around

    def _judge_children(self, place: Place) -> None:
        """No process of an isolated session outlives it."""
        if not all(cell.kind == "process" for cell in self.cells):
            return
        if any(session["status"] == "pending" for session in place.sessions().values()):
            return  # its next attempt may be running
        family = place.family()
        left = [p for p in place.processes() if p.pid not in family]
        if left and place.name == SUPERVISED:  # check again: the kernel may still be reaping them
            time.sleep(1.0)
            left = [p for p in left if p.is_running() and p.pid not in place.family()]
        for process in left:
            self.seen.shared.append(f"outlives its session: {_command_line(process)}")

    def _judge_neighbours(self, place: Place) -> None:
        for name in HONEST:
            (place.folder / f"over-{name}").touch()
        end = time.monotonic() + 30 + self._slack + (REPLACED_WITHIN if self._fatal else 0)
        while time.monotonic() < end:
            self._watch(place)
            sessions = place.sessions()
            if all(sessions.get(n, {}).get("status") in FINAL for n in HONEST):
                break
            time.sleep(0.1)
        for name in HONEST:
            session = place.sessions().get(name) or {"status": "gone", "error_code": None, "crashes": 0}
            if session["status"] != "completed":
                what = session["error_code"] or f"crashes {session['crashes']}"
                self.seen.shared.append(f"the neighbour ({name}) is {session['status']} ({what})")
            kept: set[str] = set()
            for words in place.effects():
                if words[:2] == ["kept", name]:
                    kept.add(words[2])
                elif words[:2] == ["begin", name] and words[2] in kept:
                    self.seen.shared.append(f"the neighbour worked again for {words[2]}, which was kept")

    @property
    def _fatal(self) -> bool:
        return any(cell.kind in cell.row.fatal for cell in self.cells)

    def _judge_workers(self, place: Place) -> None:
        alive = place.alive_workers()
        end = time.monotonic() + 10 + self._slack
        while alive != 1 and time.monotonic() < end:
            time.sleep(0.5)
            alive = place.alive_workers()
        if alive == 1 and len(self.cells) > 1:  # the command takes a second of CPU time
            alive = place.reported_workers()
        if alive != 1:
            self.seen.shared.append(f"{alive} workers are alive, of 1")
        self._watch(place)
        died = place.deaths if place.name in {EMBEDDED, SYNC} else len(self._worker_pids) - 1
        if died > MOST_DEATHS:
            self.seen.shared.append(f"{died} workers died or were replaced")
        if place.name not in {EMBEDDED, SYNC} and place.deaths:
            self.seen.shared.append(f"serve itself died {place.deaths} times")

    def _judge_answers(self, place: Place, visitor: Visitor) -> None:
        place.wait_until_ready()  # the host itself may have been restarted
        visitor.enter()
        sessions = place.sessions()
        for path in ("/readyz", "/", "/dashboard", "/api/analysis/token"):
            status = place.ask(path, visitor.http)
            if status != 200:
                self.seen.shared.append(f"{path} is answered {status}")
        for cell in self.cells:
            session = sessions.get(cell.tag)
            if session is None:
                continue
            id_ = session["id"]
            for path in (
                f"/api/analysis/progress/{id_}",
                f"/analysis/{id_}",
                f"/api/analysis/result/{id_}",
                f"/dashboard/{id_}",
            ):
                status = place.ask(path, visitor.http)
                if not 200 <= status < 500:
                    self.seen.faults[cell].append(f"{path.replace(id_, '…')} is answered {status}")
            if session["status"] == "pending":
                visitor.cancel(id_)

    # -- the stop

    def _judge_stop(self, place: Place, visitor: Visitor) -> None:
        hanging = [cell for cell in self.cells if cell.kind in cell.row.hangs]
        self._begin_hanging(place, visitor, hanging, "stop", 1)
        place.term()
        began = time.monotonic()
        limit = GRACE + STOP_WITHIN + self._slack
        if not place.ended(limit):
            self.seen.shared.append(f"does not stop within {limit:g} s of TERM")
            place.term()
            if not place.ended(STOP_WITHIN + self._slack):
                self.seen.shared.append("nor at the second TERM")
                return
        took = time.monotonic() - began
        self._judge_strays(place)
        if hanging and place.name != EMBEDDED and took <= limit:
            self._judge_second_term(place, hanging)

    def _begin_hanging(
        self, place: Place, visitor: Visitor | None, hanging: Sequence[Cell], prefix: str, count: int
    ) -> None:
        for cell in hanging:
            tag = f"{prefix}-{cell.tag}"
            if visitor is not None:
                visitor.start(name_of(cell.row, cell.kind, long=True), tag)
        for cell in hanging:
            tag = f"{prefix}-{cell.tag}"
            self._wait(lambda tag=tag: len(place.effects("begun", tag)) >= count, 30, f"{tag} begins")
        time.sleep(0.3 if hanging else 0.0)

    def _judge_second_term(self, place: Place, hanging: Sequence[Cell]) -> None:
        """The sessions released at the first stop resume when the site restarts; then stop it by two TERMs."""
        place.start(LONG_GRACE)
        if all("completed" not in cell.row.ends for cell in hanging):
            self._begin_hanging(place, None, hanging, "stop", 2)
        place.term()
        time.sleep(0.5)
        if place.ended(0):
            return
        place.term()
        if not place.ended(STOP_WITHIN + self._slack):
            self.seen.shared.append(f"does not stop within {STOP_WITHIN + self._slack:g} s of the second TERM")
            return
        self._judge_strays(place)

    def _judge_strays(self, place: Place) -> None:
        if place.name == EMBEDDED and any(c.row.children and c.kind != "process" for c in self.cells):
            return  # children of code in the host's own process cannot be attributed to a session
        time.sleep(0.5)
        for process in place.processes():
            self.seen.shared.append(f"left alive: {_command_line(process)}")

    def _wait(self, condition, within: float, what: str) -> None:
        end = time.monotonic() + within + self._slack
        while not condition():
            if time.monotonic() > end:
                raise AssertionError(f"it did not happen that {what}")
            time.sleep(0.05)


def _faults_of_end(session: dict, cell: Cell, log: str) -> Iterator[str]:
    status, code = session["status"], session["error_code"]
    end = {"completed": "completed", "pending": POSTPONED}.get(status, code or status)
    if status in FINAL | {"pending"} and end not in cell.row.expected(cell.kind):
        yield f"ended as {end}: {(session['error'] or '')[:120]}"
    if status == "pending" and seconds_until(session["available_at"]) > DAY + 60:
        yield f"waits until {session['available_at']}"
    if status == "failed":
        if not (session["error"] or "").strip():
            yield "failed without a sentence"
        reference = session["reference"]
        if code == "error" and not reference:
            yield "failed without a reference"
        if reference and reference not in log:
            yield "its reference is not in the log"
        if code in {"crashed", "not_json", "too_large"} and session["id"] not in log:
            yield "its reason is not in the log"


def _end_of(session: dict, seconds: float) -> str:
    end = session["error_code"] or session["status"]
    return f"{end} after {seconds:.1f} s" + (f", {session['crashes']} crashes" if session["crashes"] else "")


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[-80:]
    except psutil.Error:
        return f"process {process.pid}"
