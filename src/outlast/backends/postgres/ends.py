"""The ends of attempts, and the owner's operations: cancel, retry, adopt on login."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from psycopg import errors

from outlast.backends.end_records import EndRecord, end_record
from outlast.backends.postgres.connection import Connection
from outlast.backends.postgres.database import PostgresDatabase, PostgresPart
from outlast.backends.postgres.shared_runs import leave_run, retry_shared
from outlast.backends.rows import Row, as_json, fields_of
from outlast.domain.outcome import End
from outlast.domain.session import AttemptRecord, Claim
from outlast.domain.status import Status
from outlast.domain.storable_text import storable_text
from outlast.ports.failures import Answered, RetryAnswer
from outlast.ports.store import CancelAnswer

TEXT_FIELDS = (
    "steps", "error", "error_code", "reference", "last_step", "exception", "exception_message", "traceback",
    "asked",
)  # fmt: skip


class PostgresEnds(PostgresPart):
    """The part of `SessionStore` that ends, cancels and retries sessions."""

    async def finish(self, claim: Claim, end: End, *, worked: float | None = None) -> bool:
        worked_ms = None if worked is None else round(worked * 1000)
        batches = self._db.loop_pool().batches("finish", self._finish)
        return await batches.write((claim, replace(end_record(claim, end), worked_ms=worked_ms)))

    async def _finish(self, items: Sequence[tuple[Claim, EndRecord]]) -> Sequence[bool]:
        ids = [claim.session_id for claim, _ in items]
        values = {"items": as_json([flat_end(claim, end) for claim, end in items])}

        async def write(connection: Connection) -> list[Row]:
            # one round trip is one transaction; the second statement sees what the first one has waited for
            async with connection.pipeline():
                await connection.execute(self._db.sql["lock_sessions"].encode(), {"ids": ids})
                cursor = await connection.execute(self._db.sql["finish"].encode(), values)
            return await cursor.fetchall()

        ended = {(row["id"], row["claim"]) for row in await self._db.use(write, again=True)}
        answers = [(claim.session_id, claim.number) in ended for claim, _ in items]
        if not all(answers):
            rows = await self._db.all("end_digests", {"ids": ids})
            digests = {row["id"]: row["end_digest"] for row in rows}
            return [
                ended or digests.get(claim.session_id) == end.digest
                for ended, (claim, end) in zip(answers, items, strict=True)
            ]
        return answers

    async def cancel(self, session_id: str, *, owner: str | None) -> CancelAnswer | None:
        values = {"id": session_id, "owner": owner}

        async def write(connection: Connection) -> CancelAnswer | None:
            for row in await self._db.rows_of(connection, "lock_session", values):
                match Status(row["status"]):
                    case Status.PENDING if row["follows"]:
                        await leave_run(connection, self._db, row)
                        return CancelAnswer.CANCELLED
                    case Status.PENDING | Status.CANCELLED as before:
                        if before is Status.PENDING:
                            await self._db.rows_of(connection, "cancel", values)
                        return CancelAnswer.CANCELLED
                    case Status.PROCESSING:
                        if not row["cancel_requested"]:
                            await self._db.rows_of(connection, "merge_progress", {"ids": [session_id]})
                            await self._db.rows_of(connection, "cancel", values)
                        return CancelAnswer.CANCELLING
                    case Status.COMPLETED | Status.FAILED:
                        return CancelAnswer.FINAL
            return None

        return await self._db.transact(write, again=True)

    async def retry(
        self, session_id: str, *, owner: str | None, attempts: int, answered: Answered | None = None
    ) -> RetryAnswer | None:
        return await retry_one(self._db, session_id, owner, attempts, answered)

    async def adopt(self, anonymous: str, owner: str) -> int:
        values = {"anonymous": anonymous, "owner": owner}

        async def write(connection: Connection) -> int:
            for one in sorted((anonymous, owner)):  # keep either owner from starting sessions meanwhile
                await self._db.rows_of(connection, "lock_owner", {"owner": one})
            locked = await self._db.rows_of(connection, "lock_sessions_of_owner", values)
            await self._db.rows_of(connection, "merge_progress", {"ids": [row["id"] for row in locked]})
            adopted = await connection.execute(self._db.sql["adopt_sessions"].encode(), values)
            await self._db.rows_of(connection, "adopt_results", values)
            await self._db.rows_of(connection, "adopt_uploads", values)
            return adopted.rowcount

        while anonymous != owner:
            try:
                return await self._db.transact(write)
            except errors.UniqueViolation:  # a retry or an upload of the new owner came first: try again
                continue
        return 0

    async def history(self, session_id: str) -> Sequence[AttemptRecord]:
        return [self._db.rows.attempt(row) for row in await self._db.all("history", {"id": session_id})]


def flat_end(claim: Claim, end: EndRecord) -> dict[str, Any]:
    """Return an item of the statement `finish`."""
    values: dict[str, Any] = {
        name: storable_text(value) if name in TEXT_FIELDS and value is not None else value
        for name, value in fields_of(end).items()
    }
    return values | {"id": claim.session_id, "claim": claim.number, "digest": end.digest.hex()}


async def retry_one(
    database: PostgresDatabase, session_id: str, owner: str | None, attempts: int, answered: Answered | None = None
) -> RetryAnswer | None:
    """`SessionStore.retry`."""
    subject, text = (answered.subject, answered.input) if answered else (None, None)
    values = {"id": session_id, "owner": owner, "attempts": attempts, "subject": subject, "input": text}

    shared = False

    async def write(connection: Connection) -> RetryAnswer | None:
        nonlocal shared
        for row in await database.rows_of(connection, "lock_session", values):
            match Status(row["status"]):
                case Status.PENDING | Status.PROCESSING:
                    return RetryAnswer.NOT_FINAL
                case Status.COMPLETED:
                    return RetryAnswer.COMPLETED
                case Status.FAILED | Status.CANCELLED:
                    if answered is not None and not row["asks"]:
                        return RetryAnswer.NOTHING_ASKED
                    if row["run_id"] is not None or row["is_run"]:
                        shared = True
                        return await retry_shared(connection, database, row, values, answered=answered is not None)
                    await database.rows_of(connection, "retry", values)
                    await database.rows_of(connection, "renew_callbacks", {"ids": [session_id]})
                    return RetryAnswer.RETRIED
        return None

    while True:
        try:
            return await database.transact(write)
        except errors.UniqueViolation:
            if not shared:
                return RetryAnswer.ANOTHER_IN_FLIGHT
            # a start of another owner, whose session has failed with the run, was quicker: it is found now
