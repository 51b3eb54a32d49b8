"""Runs that the sessions of several owners share, within the transactions of other parts."""

from typing import Any

from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresDatabase
from outlast.backends.rows import Row
from outlast.domain.session import NEVER
from outlast.domain.status import Status
from outlast.ports.failures import RetryAnswer

FOLLOWING = {"never": NEVER}
"""Values of a session that follows a run."""


async def leave_run(connection: Connection, database: PostgresDatabase, row: Row) -> None:
    """Cancel a session that follows a run, and the run if no session is left. Both are locked."""
    await database.rows_of(connection, "leave_run", row)
    run = {"id": row["run_id"], "owner": None}
    if await database.rows_of(connection, "anyone_following", run):
        return
    for found in await database.rows_of(connection, "lock_session", run):
        if found["status"] == Status.PROCESSING:
            await database.rows_of(connection, "merge_progress", {"ids": [row["run_id"]]})
        if not Status(found["status"]).final and not found["cancel_requested"]:
            await database.rows_of(connection, "cancel", run)


async def retry_shared(
    connection: Connection, database: PostgresDatabase, row: Row, values: dict[str, Any], *, answered: bool
) -> RetryAnswer:
    """Retry a run or a session that has shared one; `row` is that of `lock_session`."""
    values = values | FOLLOWING
    subject = values["subject"] or row["subject"]
    if await database.rows_of(connection, "in_flight_of_subject", row | {"subject": subject}):
        return RetryAnswer.ANOTHER_IN_FLIGHT
    if row["is_run"]:
        return await _retry_run(connection, database, row["id"], values)
    if not answered:
        for run in await database.rows_of(connection, "lock_run", row):
            follow = values | {"run_id": run["id"], "failed": False}
            await _follow_again(connection, database, follow)
            return RetryAnswer.RETRIED
        for former in await database.rows_of(connection, "statuses", {"ids": [row["run_id"]]}):
            if former["status"] in {Status.FAILED, Status.CANCELLED}:
                return await _retry_run(connection, database, row["run_id"], values)
    await database.rows_of(connection, "copy_kept_steps", row)
    await database.rows_of(connection, "retry", values)
    await database.rows_of(connection, "renew_callbacks", {"ids": [row["id"]]})
    return RetryAnswer.RETRIED


async def _retry_run(
    connection: Connection, database: PostgresDatabase, run_id: str, values: dict[str, Any]
) -> RetryAnswer:
    """Retry a run with all sessions that have failed with it, and the session `values["id"]`."""
    run = values | {"id": run_id, "subject": None, "input": None}
    await database.rows_of(connection, "retry", run)
    await _follow_again(connection, database, values | {"run_id": run_id, "failed": True})
    return RetryAnswer.RETRIED


async def _follow_again(connection: Connection, database: PostgresDatabase, values: dict[str, Any]) -> None:
    following = await database.rows_of(connection, "follow_again", values)
    await database.rows_of(connection, "renew_callbacks", {"ids": [row["id"] for row in following]})
