"""Runs one server with hostile sessions and honest neighbours and checks the invariants."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from deployments import EMBEDDED, GRACE, LONG_GRACE, SUPERVISED, SYNC, Deployment, Visitor, seconds_until
from hostile.row import POSTPONED, Row
from hostile.site import name_of

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
    """One row of the table, run as one kind of analysis in one deployment."""

    row: Row
    kind: str
    deployment: str

    @property
    def tag(self) -> str:
        return f"{self.row.name}.{self.kind}"

    def __str__(self) -> str:
        return f"{self.deployment}/{self.row.name}.{self.kind}"


@dataclass
class Observations:
    """The observations of a run."""

    faults: dict[Cell, list[str]] = field(default_factory=dict)
    """Violations that one cell caused."""
    shared: list[str] = field(default_factory=list)
    """Violations of the server, which any of its cells may have caused."""
    ends: dict[Cell, str] = field(default_factory=dict)
    """How each hostile session ended, and after how long."""
    log: str = ""


class Run:
    """Runs cells of one deployment in one server. `slack` extends every time limit, for a busy machine."""

    def __init__(self, cells: Sequence[Cell], slack: float) -> None:
        self.cells = cells
        self._slack = slack
        self._deployment_name = cells[0].deployment
        self._worker_pids: set[int] = set()
        self.observed = Observations(faults={cell: [] for cell in cells})

    def go(self) -> Observations:
        with tempfile.TemporaryDirectory(prefix="menagerie-", ignore_cleanup_errors=True) as folder:
            rows = [cell.row.name for cell in self.cells]
            isolated = all(cell.kind == "process" for cell in self.cells)
            at_once = len(HONEST) + (ISOLATED_AT_ONCE if isolated else 100)
            deployment = Deployment(self._deployment_name, Path(folder), rows, at_once=at_once)
            try:
                deployment.start()
                self._check_all(deployment)
            except (AssertionError, OSError) as error:
                self.observed.shared.append(f"broke off: {error}")
            finally:
                deployment.remove()
                self.observed.log = deployment.log
        return self.observed

    def _check_all(self, deployment: Deployment) -> None:
        visitor = Visitor(deployment)
        try:
            for name in HONEST:
                visitor.start(name, name)
            self._wait(
                lambda: all(deployment.effects("begin", n, "tick0") for n in HONEST), 30, "the neighbours begin"
            )
            began = time.monotonic()
            for cell in self.cells:
                visitor.start(name_of(cell.row, cell.kind), cell.tag)
            self._wait_for_ends(deployment, began)
            self._judge_ends(deployment, visitor)
            time.sleep(1.0)  # for processes left behind
            self._judge_children(deployment)
            self._judge_neighbours(deployment)
            self._judge_workers(deployment)
            self._judge_answers(deployment, visitor)
            self._judge_stop(deployment, visitor)
        finally:
            visitor.close()

    # -- the ends

    def _limit(self, cell: Cell) -> float:
        row = cell.row
        limit = row.timeout * row.attempts + STOP_GRACE + 2.0 * (row.attempts - 1) + self._slack
        return limit + REPLACED_WITHIN if cell.kind in row.fatal else limit

    def _wait_for_ends(self, deployment: Deployment, began: float) -> None:
        waiting = {cell.tag: cell for cell in self.cells}
        # all cells run at once on one machine, so each adds to the limit
        limit = max(map(self._limit, self.cells)) + sum(TURN[cell.kind] for cell in self.cells)
        while waiting and time.monotonic() - began < limit:
            self._watch(deployment)
            sessions = deployment.sessions()
            for tag, cell in list(waiting.items()):
                session = sessions.get(tag)
                if session and self._is_over(session, cell):
                    self.observed.ends[cell] = _end_of(session, time.monotonic() - began)
                    del waiting[tag]
            time.sleep(0.1)
        for tag, cell in waiting.items():
            session = deployment.sessions().get(tag)
            stands = (
                f"{session['status']}, attempt {session['attempt']}, crashes {session['crashes']}"
                if session
                else "no such session"
            )
            self.observed.ends[cell] = "never"
            self.observed.faults[cell].append(f"not ended after {limit:.0f} s ({stands})")

    def _is_over(self, session: dict, cell: Cell) -> bool:
        if session["status"] in FINAL:
            return True
        tried = session["status"] == "pending" and session["attempt"] > 0 and session["error"]
        return bool(tried) and POSTPONED in cell.row.ends and seconds_until(session["available_at"]) > 5

    def _watch(self, deployment: Deployment) -> None:
        self._worker_pids |= {worker["pid"] for worker in deployment.workers()}

    def _judge_ends(self, deployment: Deployment, visitor: Visitor) -> None:
        sessions, log = deployment.sessions(), deployment.log
        for cell in self.cells:
            if tag_refused := visitor.refused.get(cell.tag):
                self.observed.faults[cell].append(f"the start was answered {tag_refused}")
            session = sessions.get(cell.tag)
            if session and self.observed.ends[cell] != "never":
                self.observed.faults[cell] += list(_faults_of_end(session, cell, log))

    # -- what is around

    def _judge_children(self, deployment: Deployment) -> None:
        """No process of an isolated session outlives it."""
        if not all(cell.kind == "process" for cell in self.cells):
            return
        if any(session["status"] == "pending" for session in deployment.sessions().values()):
            return  # its next attempt may be running
        family = deployment.family()
        left = [p for p in deployment.processes() if p.pid not in family]
        if left and deployment.name == SUPERVISED:  # check again: the kernel may still be reaping them
            time.sleep(1.0)
            left = [p for p in left if p.is_running() and p.pid not in deployment.family()]
        for process in left:
            self.observed.shared.append(f"outlives its session: {_command_line(process)}")

    def _judge_neighbours(self, deployment: Deployment) -> None:
        for name in HONEST:
            (deployment.folder / f"over-{name}").touch()
        end = time.monotonic() + 30 + self._slack + (REPLACED_WITHIN if self._fatal else 0)
        while time.monotonic() < end:
            self._watch(deployment)
            sessions = deployment.sessions()
            if all(sessions.get(n, {}).get("status") in FINAL for n in HONEST):
                break
            time.sleep(0.1)
        for name in HONEST:
            session = deployment.sessions().get(name) or {"status": "gone", "error_code": None, "crashes": 0}
            if session["status"] != "completed":
                what = session["error_code"] or f"crashes {session['crashes']}"
                self.observed.shared.append(f"the neighbour ({name}) is {session['status']} ({what})")
            kept: set[str] = set()
            for words in deployment.effects():
                if words[:2] == ["kept", name]:
                    kept.add(words[2])
                elif words[:2] == ["begin", name] and words[2] in kept:
                    self.observed.shared.append(f"the neighbour worked again for {words[2]}, which was kept")

    @property
    def _fatal(self) -> bool:
        return any(cell.kind in cell.row.fatal for cell in self.cells)

    def _judge_workers(self, deployment: Deployment) -> None:
        alive = deployment.alive_workers()
        end = time.monotonic() + 10 + self._slack
        while alive != 1 and time.monotonic() < end:
            time.sleep(0.5)
            alive = deployment.alive_workers()
        if alive == 1 and len(self.cells) > 1:  # the command takes a second of CPU time
            alive = deployment.reported_workers()
        if alive != 1:
            self.observed.shared.append(f"{alive} workers are alive, of 1")
        self._watch(deployment)
        died = deployment.deaths if deployment.name in {EMBEDDED, SYNC} else len(self._worker_pids) - 1
        if died > MOST_DEATHS:
            self.observed.shared.append(f"{died} workers died or were replaced")
        if deployment.name not in {EMBEDDED, SYNC} and deployment.deaths:
            self.observed.shared.append(f"serve itself died {deployment.deaths} times")

    def _judge_answers(self, deployment: Deployment, visitor: Visitor) -> None:
        deployment.wait_until_ready()  # the host itself may have been restarted
        visitor.enter()
        sessions = deployment.sessions()
        for path in ("/readyz", "/", "/dashboard", "/api/analysis/token"):
            status = deployment.ask(path, visitor.http)
            if status != 200:
                self.observed.shared.append(f"{path} is answered {status}")
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
                status = deployment.ask(path, visitor.http)
                if not 200 <= status < 500:
                    self.observed.faults[cell].append(f"{path.replace(id_, '…')} is answered {status}")
            if session["status"] == "pending":
                visitor.cancel(id_)

    # -- the stop

    def _judge_stop(self, deployment: Deployment, visitor: Visitor) -> None:
        hanging = [cell for cell in self.cells if cell.kind in cell.row.hangs]
        self._begin_hanging(deployment, visitor, hanging, "stop", 1)
        deployment.term()
        began = time.monotonic()
        limit = GRACE + STOP_WITHIN + self._slack
        if not deployment.ended(limit):
            self.observed.shared.append(f"does not stop within {limit:g} s of TERM")
            deployment.term()
            if not deployment.ended(STOP_WITHIN + self._slack):
                self.observed.shared.append("nor at the second TERM")
                return
        took = time.monotonic() - began
        self._judge_strays(deployment)
        if hanging and deployment.name != EMBEDDED and took <= limit:
            self._judge_second_term(deployment, hanging)

    def _begin_hanging(
        self, deployment: Deployment, visitor: Visitor | None, hanging: Sequence[Cell], prefix: str, count: int
    ) -> None:
        for cell in hanging:
            tag = f"{prefix}-{cell.tag}"
            if visitor is not None:
                visitor.start(name_of(cell.row, cell.kind, long=True), tag)
        for cell in hanging:
            tag = f"{prefix}-{cell.tag}"
            self._wait(lambda tag=tag: len(deployment.effects("begun", tag)) >= count, 30, f"{tag} begins")
        time.sleep(0.3 if hanging else 0.0)

    def _judge_second_term(self, deployment: Deployment, hanging: Sequence[Cell]) -> None:
        """The sessions released at the first stop resume when the site restarts; then stop it by two TERMs."""
        deployment.start(LONG_GRACE)
        if all("completed" not in cell.row.ends for cell in hanging):
            self._begin_hanging(deployment, None, hanging, "stop", 2)
        deployment.term()
        time.sleep(0.5)
        if deployment.ended(0):
            return
        deployment.term()
        if not deployment.ended(STOP_WITHIN + self._slack):
            self.observed.shared.append(f"does not stop within {STOP_WITHIN + self._slack:g} s of the second TERM")
            return
        self._judge_strays(deployment)

    def _judge_strays(self, deployment: Deployment) -> None:
        if deployment.name == EMBEDDED and any(c.row.children and c.kind != "process" for c in self.cells):
            return  # children of code in the host's own process cannot be attributed to a session
        time.sleep(0.5)
        for process in deployment.processes():
            self.observed.shared.append(f"left alive: {_command_line(process)}")

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
