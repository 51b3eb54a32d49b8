"""An isolated attempt, worker side: starts a child process for the analysis, serves it and kills it."""

import asyncio
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from outlast.core.analyses.analysis import Analysis
from outlast.core.analyses.journal import Journal, ProgressSink
from outlast.core.analyses.payload import MAX_RESULT, MAX_STEP_RESULT, NotJson
from outlast.domain.errors import OutlastError, Permanent, RetryAfter, StepTimeout, TooLarge
from outlast.domain.session import AnalysisSession, KeptStep
from outlast.running.process_tree import MARK, kill_group

MAX_LINE = 2 * max(MAX_RESULT, MAX_STEP_RESULT) + 65_536
"""Maximum bytes of one message; the largest is a kept result with JSON escapes."""
BOOTSTRAP = """
import json, sys
sys.path[:] = json.loads(sys.argv.pop())
from outlast.running.isolation_child import main
main()
"""
"""The import path is an argument: an environment variable would affect every Python that the child starts."""


class IsolatedError(OutlastError):
    """The analysis raised in its own process; the text is its traceback there."""

    def __init__(self, trace: str, exception: str, message: str) -> None:
        super().__init__(trace)
        self.exception = exception
        """The class of what was raised, with its module."""
        self.message = message
        """The text of what was raised."""


class IsolatedDeathError(OutlastError):
    """The process of the analysis exited without a result."""


async def run_isolated(
    analysis: Analysis, session: AnalysisSession, progress: ProgressSink, journal: Journal
) -> str:
    """Return the result as JSON, or raise what the analysis raised; finally kill the process and its children."""
    mark = secrets.token_hex(8)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        BOOTSTRAP,
        json.dumps([p or str(Path.cwd()) for p in sys.path]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=MAX_LINE,
        # a process group to kill, within the worker's session, whose leftovers the supervisor kills
        process_group=0,
        env={**os.environ, MARK: mark},
    )
    try:
        return await _Conversation(child, progress, journal).run(
            {
                "module": analysis.work.__module__,
                "function": analysis.work.__qualname__,
                "input": session.input,
                "timeout": session.timeout,
                "session_id": journal.session_id,
                "owner": journal.owner,
            }
        )
    finally:
        kill_group(child.pid, mark)
        await child.wait()


class _Conversation:
    """Serves the child's JSON lines: notifications without a response, and requests with one."""

    def __init__(self, child: asyncio.subprocess.Process, progress: ProgressSink, journal: Journal) -> None:
        self._child = child
        self._journal = journal
        self._notifications: dict[str, Callable[[dict[str, Any]], None]] = {
            "introduce": lambda m: progress.introduce(m["step"], m["title"]),
            "begin": lambda m: progress.begin(m["step"], m["call"], m["flow"]),
            "resume": lambda m: progress.resume(m["step"], m["flow"]),
            "end": lambda m: progress.end(m["step"], m["call"]),
            "abort": lambda m: progress.abort(m["step"], m["call"]),
            "fan_out": lambda m: progress.fan_out(m["step"], m["calls"]),
            "fan_in": lambda m: progress.fan_in(m["step"]),
            "note": lambda m: progress.note(m["step"], m["note"]),
            "report": lambda m: progress.report(m["step"], m["call"], m["done"], m["total"], m["message"]),
        }
        self._requests: dict[str, Callable[[dict[str, Any]], Awaitable[Any]]] = {
            "kept": self._kept,
            "keep": self._keep,
            "upload": self._upload,
            "upload_name": self._upload_name,
        }

    async def run(self, first: dict[str, Any]) -> str:
        self._send(first)
        assert self._child.stdout is not None  # noqa: S101 - it was asked for as a pipe
        while line := await self._child.stdout.readline():
            message: dict[str, Any] = json.loads(line)
            match message["op"]:
                case "done":
                    return message["result"]
                case "raised":
                    raise _raised(message)
                case op if op in self._notifications:
                    self._notifications[op](message)
                case op:
                    self._send({"n": message["n"], "answer": await self._requests[op](message)})
        code = await self._child.wait()
        cause = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise IsolatedDeathError(f"The process of the analysis ended without an answer ({cause}).")

    def _send(self, message: dict[str, Any]) -> None:
        assert self._child.stdin is not None  # noqa: S101 - it was asked for as a pipe
        self._child.stdin.write(json.dumps(message).encode() + b"\n")

    async def _kept(self, message: dict[str, Any]) -> Any:
        kept = await self._journal.kept(message["call"])
        return asdict(kept) if kept else None

    async def _keep(self, message: dict[str, Any]) -> Any:
        await self._journal.keep(KeptStep(**message["kept"]))
        return True

    async def _upload(self, message: dict[str, Any]) -> Any:
        with tempfile.NamedTemporaryFile(delete=False) as file:
            try:
                async for chunk in self._journal.upload(message["sha256"]):
                    file.write(chunk)
            except Permanent as missing:
                Path(file.name).unlink()  # noqa: ASYNC240 - microseconds
                return {"error": str(missing)}
        return {"path": file.name}

    async def _upload_name(self, message: dict[str, Any]) -> Any:
        try:
            return {"name": await self._journal.upload_name(message["sha256"])}
        except Permanent as missing:
            return {"error": str(missing)}


def _raised(message: dict[str, Any]) -> OutlastError:
    isolated = IsolatedError(message["trace"], message["exception"], message["message"])
    error = _decisive(message)
    if error is None:
        return isolated
    error.__cause__ = isolated
    return error


def _decisive(message: dict[str, Any]) -> OutlastError | None:
    """Return the error again if it is one that decides about the outcome."""
    text: str = message["message"]
    match message["kind"]:
        case "Permanent":
            return Permanent(text)
        case "RetryAfter":
            return RetryAfter(message["seconds"], text)
        case "StepTimeout":
            return StepTimeout(text)
        case "TooLarge":
            return TooLarge(text)
        case "NotJson":
            return NotJson(text)
        case _:
            return None
