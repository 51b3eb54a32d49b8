"""A harm: transactions held open on the store's server, as by a dump, a forgotten console or an operator."""

import random
import time
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from fleet import Fleet

Client = psycopg.Connection[Any]
ROWS = 3
"""Running sessions whose rows a console locks."""
STATE = "SELECT count(*), max(updated_at) FROM analysis_sessions"


def hold_transaction(fleet: "Fleet", rng: random.Random) -> str:
    """Hold a snapshot and `ACCESS SHARE` on every table, as `pg_dump` does; in two of three cases more locks."""
    lock = rng.choice([_nothing, _lock_rows, _lock_table])
    seconds = rng.uniform(8.0, 25.0)
    url = fleet.postgres.url()
    try:
        with (
            psycopg.connect(url) as dump,
            psycopg.connect(url) as console,
            psycopg.connect(url, autocommit=True) as watch,
        ):
            first = _begin_dump(dump)
            locked = lock(console)
            waiting, end = 0, time.monotonic() + seconds
            while time.monotonic() < end:
                fleet.keep_for(0.5)
                waiting = max(waiting, _waiting_for(watch, console))
            behind, dead = _price(watch, dump)
            if not behind or dump.execute(STATE).fetchone() != first or (locked and not waiting):
                fleet.ineffective.append(
                    f"hold_transaction: {behind} transactions behind, {waiting} waited {locked}"
                )
            console.rollback()
            dump.rollback()
    except psycopg.OperationalError as error:  # a concurrent harm has stopped the server
        return f"a transaction that was lost: {error}"
    beside = f", and {locked} for which {waiting} waited" if locked else ""
    return (
        f"a snapshot held for {seconds:.1f} s, at its end {behind} transactions old with {dead} dead rows{beside}"
    )


def _begin_dump(dump: Client) -> object:
    dump.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    dump.read_only = True
    tables = dump.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    dump.execute(f"LOCK TABLE {', '.join(name for (name,) in tables)} IN ACCESS SHARE MODE")
    return dump.execute(STATE).fetchone()


def _nothing(_console: Client) -> str:
    return ""


def _lock_rows(console: Client) -> str:
    """Lock rows of running sessions, whose ends then wait."""
    statement = (
        "SELECT id FROM analysis_sessions WHERE status = 'processing' ORDER BY number DESC LIMIT %s FOR UPDATE"
    )
    while not (locked := console.execute(statement, (ROWS,)).rowcount):
        console.rollback()
        time.sleep(0.01)
    return f"the locks of {locked} rows at work"


def _lock_table(console: Client) -> str:
    """Lock the table as `CREATE INDEX` does: reads pass, writes wait."""
    console.execute("LOCK TABLE analysis_sessions IN SHARE MODE")
    return "SHARE on the sessions"


def _waiting_for(watch: Client, console: Client) -> int:
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE %s = ANY(pg_blocking_pids(pid))"
    (waiting,) = watch.execute(blocked, (console.info.backend_pid,)).fetchone() or (0,)
    return waiting


def _price(watch: Client, dump: Client) -> tuple[int, int]:
    """The age of its snapshot in transactions, and the number of dead row versions."""
    age = "SELECT coalesce(age(backend_xmin), 0) FROM pg_stat_activity WHERE pid = %s"
    (behind,) = watch.execute(age, (dump.info.backend_pid,)).fetchone() or (0,)
    (dead,) = watch.execute("SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables").fetchone() or (0,)
    return behind, dead
