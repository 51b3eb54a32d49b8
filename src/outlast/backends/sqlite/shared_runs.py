"""Runs that the sessions of several owners share, within the transactions of other parts."""

from typing import Any

from outlast.backends.rows import Row
from outlast.backends.sqlite.database import SQLiteDatabase
from outlast.backends.sqlite.driver import Connection
from outlast.backends.sqlite.times import as_text
from outlast.domain.session import NEVER
from outlast.domain.status import Status
from outlast.ports.failures import RetryAnswer

FOLLOWING = {"never": as_text(NEVER)}
"""Values of a session that follows a run."""


def leave_run(connection: Connection, database: SQLiteDatabase, values: dict[str, Any]) -> None:
    """Cancel a session that follows a run, and the run if no session is left."""
    row = database.row_of(connection, "leave_run", values)
    if row is None:
        return
    run = {"id": row["run_id"], "owner": None}
    if connection.execute(database.sql["anyone_following"], run).get is None:
        connection.execute(database.sql["cancel"], values | run)


def retry_shared(
    connection: Connection, database: SQLiteDatabase, row: Row, values: dict[str, Any], *, answered: bool
) -> RetryAnswer | None:
    """Retry a run or a session that has shared one, as `row` says; `None`: another session is in flight."""
    values = values | FOLLOWING
    if database.row_of(
        connection, "find_in_flight", values | row | {"subject": values["subject"] or row["subject"]}
    ):
        return None
    if row["is_run"]:
        return _retry_run(connection, database, values["id"], values)
    if not answered:
        of_run = row | {"owner": row["reuse_key"]}
        run = database.row_of(connection, "find_in_flight", of_run)
        if run is not None:
            follow = values | {"run_id": run["id"], "failed": False}
            _follow_again(connection, database, follow)
            return RetryAnswer.RETRIED
        former = {"id": row["run_id"], "owner": None}
        status = connection.execute(database.sql["status"], former).get
        if status in {Status.FAILED.value, Status.CANCELLED.value}:
            return _retry_run(connection, database, row["run_id"], values)
    connection.execute(database.sql["copy_kept_steps"], {"id": values["id"], "run_id": row["run_id"]})
    alone = database.row_of(connection, "retry", values | {"alone": True})
    connection.execute(database.sql["renew_callbacks"], values)
    return None if alone is None else RetryAnswer.RETRIED


def _retry_run(
    connection: Connection, database: SQLiteDatabase, run_id: str, values: dict[str, Any]
) -> RetryAnswer | None:
    """Retry a run with all sessions that have failed with it, and the session `values["id"]`."""
    run = {"id": run_id, "owner": None, "subject": None, "input": None, "alone": True}
    if database.row_of(connection, "retry", values | run) is None:
        return None
    _follow_again(connection, database, values | {"run_id": run_id, "failed": True})
    return RetryAnswer.RETRIED


def _follow_again(connection: Connection, database: SQLiteDatabase, values: dict[str, Any]) -> None:
    for row in database.rows_of(connection, "follow_again", values):
        connection.execute(database.sql["renew_callbacks"], row)
