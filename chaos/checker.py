"""Checks an observer's ledger of a run, and the resulting store, against the invariants of a durable system.

The ledger has the responses to clients and the recorded effects of analyses; the system's own tables are read only
for what no observer knows (attempts, integrity of the file). Returns one sentence per violation.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

FINAL = {"completed", "failed", "cancelled"}
MAX_CRASHES = 3
INNOCENT = {"steady", "threaded", "long", "leaks", "added"}
"""Analyses that must complete in spite of every harm."""
MAX_LAPSES = 6


@dataclass(frozen=True)
class ObservedSnapshot:
    """One snapshot that a client received."""

    session: str
    version: int
    percentage: float
    status: str
    result: str | None


@dataclass
class Ledger:
    """The observations from outside the system."""

    acknowledged: dict[str, int] = field(default_factory=dict)
    """Session → number of its input."""
    snapshots: list[ObservedSnapshot] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    """How often each HTTP status was answered."""
    foreign: list[tuple[str, int]] = field(default_factory=list)
    """(session, HTTP status of another visitor's request for it)."""
    effects: list[list[str]] = field(default_factory=list)
    """Lines that analyses recorded."""
    strays: list[str] = field(default_factory=list)
    """Processes that were alive after everything had been stopped."""
    killed: set[int] = field(default_factory=set)
    """Worker processes that the run killed."""
    died: list[str] = field(default_factory=list)
    """Processes that ended by themselves under a harm that must end none."""
    tones: dict[int, str] = field(default_factory=dict)
    """Number of an input → value of the field that only the next version of the application has."""
    health: list[tuple[str, int]] = field(default_factory=list)
    """(health route, its status); 0: no response."""


class Cursor(Protocol):
    """The result of a statement."""

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """The common interface of both databases' connections."""

    def execute(self, statement: str, /) -> Cursor: ...


def check(ledger: Ledger, data: Path) -> list[str]:
    """All violations of a run on one machine, as sentences."""
    with closing(sqlite3.connect(data / "outlast.db")) as connection:
        of_data = [*of_leftovers(data), *of_file(connection), *of_store(ledger, connection)]
        of_data += [*of_blame(ledger, connection), *of_charges(connection)]
    return [*of_snapshots(ledger), *of_effects(ledger), *of_strays(ledger), *of_data]


def check_fleet(ledger: Ledger, connection: Connection) -> list[str]:
    """All violations of a run of several machines on one PostgreSQL."""
    of_data = [*of_indexes(connection), *of_store(ledger, connection), *of_blame(ledger, connection)]
    of_data += of_charges(connection)
    return [*of_snapshots(ledger), *of_effects(ledger), *of_strays(ledger), *of_health(ledger), *of_data]


def of_snapshots(ledger: Ledger) -> Iterator[str]:
    by_session: defaultdict[str, list[ObservedSnapshot]] = defaultdict(list)
    for snapshot in ledger.snapshots:
        by_session[snapshot.session].append(snapshot)
    for session in ledger.acknowledged:
        seen = by_session[session]
        if not seen or seen[-1].status not in FINAL:
            yield f"I1: {session} was acknowledged and is {seen[-1].status if seen else 'not there'}"
    for session, seen in by_session.items():
        for before, after in pairwise(seen):
            if after.version < before.version or after.percentage < before.percentage:
                yield f"I3: {session} went back from {before} to {after}"
            if before.status in FINAL and (after.status, after.result) != (before.status, before.result):
                yield f"I3: {session} changed after its end from {before} to {after}"
    for session, status in ledger.foreign:
        if status != 404:
            yield f"I5: another visitor asked for {session} and was answered {status}"


def of_effects(ledger: Ledger) -> Iterator[str]:
    nonces: defaultdict[int, set[str]] = defaultdict(set)
    tones: defaultdict[int, set[str]] = defaultdict(set)
    second_began: set[str] = set()
    latest: defaultdict[str, int] = defaultdict(int)
    read: dict[tuple[str, str], int] = {}
    for words in ledger.effects:
        match words:
            case ["result", n, nonce]:
                nonces[int(n)].add(nonce)
            case ["tone", n, tone]:
                tones[int(n)].add(tone)
            case ["begin", n, "second"]:
                second_began.add(n)
            case ["begin", n, "chapter", number, pid]:
                # a thawed worker may continue before it learns that its claim is lost
                goes_on = read.get((n, pid)) == int(number) - 1
                if int(number) < latest[n] and not goes_on:
                    yield f"I2: chapter {number} of {n} was worked for again after its result had been kept"
                latest[n] = max(latest[n], int(number))
                read[n, pid] = int(number)
            case ["begin", n, "first"] if n in second_began:
                yield f"I2: a step of {n} was worked for again after its result had been kept"
            case _:
                pass
    results: defaultdict[str, set[str]] = defaultdict(set)
    for snapshot in ledger.snapshots:
        if snapshot.status == "completed" and snapshot.result is not None:
            results[snapshot.session].add(snapshot.result)
    for session, seen in results.items():
        if len(seen) > 1:
            yield f"I2: {session} has had {len(seen)} results"
        if not seen <= nonces[ledger.acknowledged.get(session, -1)]:
            yield f"I2: the result of {session} was never made"
        n = ledger.acknowledged.get(session, -1)
        if n in ledger.tones and ledger.tones[n] not in tones[n]:
            yield f"I2: {session} was completed by a version that does not know its field"


def of_strays(ledger: Ledger) -> Iterator[str]:
    for stray in ledger.strays:
        yield f"I6: still alive: {stray}"


def of_health(ledger: Ledger) -> Iterator[str]:
    for process in ledger.died:
        yield f"Health: {process} ended by itself"
    for route, status in ledger.health:
        if status != 200 and not (status == 503 and "/readyz" in route):
            yield f"Health: {route} was answered {status or 'by nobody'}"


def of_leftovers(data: Path) -> Iterator[str]:
    for path in data.rglob("*"):
        expected = path.name.startswith("outlast.db") or path.name == "app.key" or path.is_dir()
        expected = expected or path.parent.name == "logs"
        if not expected:
            yield f"I6: left behind: {path.relative_to(data)}"


def of_store(ledger: Ledger, connection: Connection) -> Iterator[str]:
    """Violations in the tables; the statements work in both databases."""
    rows = connection.execute(
        "SELECT id, status, attempt, max_attempts, crashes, lapses, error_code FROM analysis_sessions"
    )
    kept: set[str] = set()
    seen_deaths = (
        "SELECT session_id, count(*) FROM attempts WHERE ended = 'crashed' AND cause IS NOT NULL GROUP BY 1"
    )
    deaths: dict[str, int] = dict(connection.execute(seen_deaths).fetchall())
    for session, status, attempt, max_attempts, crashes, lapses, code in rows.fetchall():
        kept.add(session)
        if status not in FINAL:
            yield f"I8: {session} is {status}"
        if attempt > max_attempts or crashes > MAX_CRASHES:
            yield f"I4: {session} has {attempt} of {max_attempts} attempts, {crashes} crashes"
        if crashes > deaths.get(session, 0):
            yield f"I4: {session} has {crashes} crashes, and {deaths.get(session, 0)} deaths were seen"
        if lapses > MAX_LAPSES or (code == "lost" and lapses < MAX_LAPSES):
            yield f"I4: {session} is {status} ({code}) with {lapses} lapses"
    for session in ledger.acknowledged.keys() - kept:
        yield f"I1: {session} was acknowledged and has no row"
    twice = "SELECT session_id, count(*) FROM attempts WHERE ended IN ('completed', 'failed', 'cancelled')"
    for session, ends in connection.execute(twice + " GROUP BY 1 HAVING count(*) > 1").fetchall():
        yield f"I2: {session} has {ends} accepted ends"
    (held,) = connection.execute("SELECT count(*) FROM workers").fetchone()
    if held:
        yield f"I6: {held} worker(s) are still registered"


NOTE_WORKERS = """
CREATE TABLE chaos_workers (id text, pid integer);
CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_workers VALUES (NEW.id, NEW.pid);
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_note AFTER INSERT ON workers FOR EACH ROW EXECUTE FUNCTION chaos_note();
"""
"""Records each worker's process for `of_blame`; run it before the first worker starts."""
NOTE_WORKERS_IN_SQLITE = """
CREATE TABLE chaos_workers (id text, pid integer);
CREATE TRIGGER chaos_note AFTER INSERT ON workers BEGIN
    INSERT INTO chaos_workers VALUES (NEW.id, NEW.pid);
END;
"""


def of_blame(ledger: Ledger, connection: Connection) -> Iterator[str]:
    """Only a proven death counts as a crash, and only sessions that kill their worker are quarantined.

    A session that was running in three workers killed by the run itself is indistinguishable from a killer.
    """
    pids = dict(connection.execute("SELECT id, pid FROM chaos_workers").fetchall())
    suicides = {int(words[2]) for words in ledger.effects if words[0] == "poison"}
    crashed = (
        "SELECT s.id, s.analysis, a.worker_id FROM attempts AS a "
        "JOIN analysis_sessions AS s ON s.id = a.session_id WHERE a.ended = 'crashed'"
    )
    killed_under: set[str] = set()
    for session, analysis, worker in connection.execute(crashed).fetchall():
        if pids.get(worker) in ledger.killed:
            killed_under.add(session)
        elif pids.get(worker) not in suicides:
            yield f"I4: {session} ({analysis}) has a crash of {worker}, whose process nobody has killed"
    ends = (
        "SELECT id, analysis, status, error_code, error, crashes FROM analysis_sessions WHERE analysis <> 'poison'"
    )
    for session, analysis, status, code, error, crashes in connection.execute(ends).fetchall():
        if code == "quarantined" and session not in killed_under:
            yield f"I4: {session} ({analysis}) is innocent and was quarantined: {error}"
        elif status != "completed" and analysis in INNOCENT and code != "quarantined":
            yield f"I1: {session} ({analysis}) is {status} after {crashes} crashes: {code}: {error}"


def of_charges(connection: Connection) -> Iterator[str]:
    """Innocent sessions complete in their first attempt: harms use up no attempts.

    A worker of another version that does not understand a session releases it, once.
    """
    rows = "SELECT id, analysis, attempt FROM analysis_sessions WHERE attempt > 1"
    for session, analysis, attempt in connection.execute(rows).fetchall():
        if analysis in INNOCENT:
            yield f"I4: {session} ({analysis}) is innocent and was charged {attempt} attempts"
    again = (
        "SELECT session_id, worker_id, count(*) FROM attempts WHERE ended = 'released' AND error IS NOT NULL "
        "GROUP BY session_id, worker_id HAVING count(*) > 1"
    )
    for session, worker, times in connection.execute(again).fetchall():
        yield f"I4: {worker} took {session} {times} times without understanding it"


def of_file(connection: sqlite3.Connection) -> Iterator[str]:
    """SQLite's own integrity checks."""
    (outcome,) = connection.execute("PRAGMA integrity_check").fetchone()
    if outcome != "ok":
        yield f"I7: {outcome}"
    for fault in connection.execute("PRAGMA foreign_key_check").fetchall():
        yield f"I7: a broken reference: {fault}"


def of_indexes(connection: Connection) -> Iterator[str]:
    """PostgreSQL: each of our indexes finds as many rows as its table has."""
    named = "SELECT c.relname, i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
    ours = f"{named} JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'public' AND i.indpred IS NULL"
    for table, index in connection.execute(ours).fetchall():
        counts: list[int] = []
        for seqscan in ("on", "off"):
            connection.execute(f"SET enable_seqscan = {seqscan}")
            connection.execute(f"SET enable_indexscan = {'off' if seqscan == 'on' else 'on'}")
            connection.execute(f"SET enable_indexonlyscan = {'off' if seqscan == 'on' else 'on'}")
            connection.execute("SET enable_bitmapscan = off")
            counts.append(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        if len(set(counts)) > 1:
            yield f"I7: {index} leads to {counts[1]} of the {counts[0]} rows of {table}"
