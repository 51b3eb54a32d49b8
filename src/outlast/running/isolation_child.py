"""An isolated attempt, child side: runs the analysis and talks to the worker over pipes."""

import asyncio
import contextvars
import importlib
import inspect
import itertools
import json
import os
import signal
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any, TextIO, get_type_hints

from outlast.core.analyses import context
from outlast.core.analyses.payload import MAX_RESULT, Codec, NotJson, arguments, input_model
from outlast.core.handles import AnalysisHandle
from outlast.domain.decisive_error import decisive
from outlast.domain.error_report import class_name
from outlast.domain.errors import Permanent, RetryAfter, StepTimeout, TooLarge
from outlast.domain.retry_after import seconds_to_wait
from outlast.domain.session import KeptStep
from outlast.running.error_mapping import MAX_MESSAGE
from outlast.running.event_loop import conceal, run_worker_loop
from outlast.running.supervisor_link import silence_standard_input
from outlast.running.threads import ContextThreadPool, run_in_thread


class _Pipe:
    """JSON messages to the worker and its responses. If the worker closes the pipe, this process exits."""

    def __init__(self, source: TextIO, sink: TextIO, loop: asyncio.AbstractEventLoop) -> None:
        self._source = source
        self._sink = sink
        self._loop = loop
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, name="pipe", daemon=True).start()

    def send(self, **message: Any) -> None:
        with self._lock:
            self._sink.write(json.dumps(message) + "\n")
            self._sink.flush()

    async def request(self, **message: Any) -> Any:
        number = next(self._numbers)
        self._waiting[number] = answer = self._loop.create_future()
        self.send(**message, n=number)
        return await answer

    def _listen(self) -> None:
        for line in self._source:
            message = json.loads(line)
            self._loop.call_soon_threadsafe(self._answer, message["n"], message["answer"])
        # the worker has abandoned this attempt: kill it together with its children
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    def _answer(self, number: int, answer: Any) -> None:
        waiting = self._waiting.pop(number)
        if not waiting.done():
            waiting.set_result(answer)


class _ProgressPipe:
    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe
        self._reported: dict[tuple[str | None, int], float] = {}

    def introduce(self, name: str, title: str) -> None:
        self._pipe.send(op="introduce", step=name, title=title)

    def begin(self, name: str, call: int, flow: int) -> None:
        self._pipe.send(op="begin", step=name, call=call, flow=flow)

    def resume(self, name: str, flow: int) -> None:
        self._pipe.send(op="resume", step=name, flow=flow)

    def end(self, name: str, call: int) -> None:
        self._reported.pop((name, call), None)
        self._pipe.send(op="end", step=name, call=call)

    def abort(self, name: str, call: int) -> None:
        self._reported.pop((name, call), None)
        self._pipe.send(op="abort", step=name, call=call)

    def fan_out(self, name: str, calls: int) -> None:
        self._pipe.send(op="fan_out", step=name, calls=calls)

    def fan_in(self, name: str) -> None:
        self._pipe.send(op="fan_in", step=name)

    def note(self, name: str, note: str | None) -> None:
        self._pipe.send(op="note", step=name, note=note)

    def report(
        self, name: str | None, call: int, done: float | None, total: float | None, message: str | None
    ) -> None:
        now = time.monotonic()
        last = done is None or done >= (total or 1.0)
        if last or now - self._reported.get((name, call), 0.0) >= 0.05:  # the worker writes four per second
            self._reported[name, call] = now
            self._pipe.send(op="report", step=name, call=call, done=done, total=total, message=message)

    async def flush(self) -> None:
        """Return at once: the worker publishes the progress, and this process cannot delay it."""


class _JournalPipe:
    def __init__(self, pipe: _Pipe, session_id: str, owner: str) -> None:
        self._pipe = pipe
        self.session_id = session_id
        self.owner = owner

    async def kept(self, call: str) -> KeptStep | None:
        kept = await self._pipe.request(op="kept", call=call)
        return KeptStep(**kept) if kept else None

    async def keep(self, kept: KeptStep) -> None:
        await self._pipe.request(op="keep", kept=asdict(kept))

    async def upload(self, sha256: str) -> AsyncIterator[bytes]:
        answer = await self._pipe.request(op="upload", sha256=sha256)
        if "error" in answer:
            raise Permanent(answer["error"])
        path = Path(answer["path"])
        with path.open("rb") as file:  # noqa: ASYNC230 - this process has nothing else to do
            path.unlink()  # noqa: ASYNC240 - as above
            while chunk := file.read(1 << 20):
                yield chunk

    async def upload_name(self, sha256: str) -> str:
        answer = await self._pipe.request(op="upload_name", sha256=sha256)
        if "error" in answer:
            raise Permanent(answer["error"])
        return answer["name"]


class _ChildClock:
    """The clock of this process, used for durations only."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boot_id(self) -> str:
        return ""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _analyse(request: dict[str, Any], pipe: _Pipe) -> str:
    work: Callable[..., Any] = reduce(
        getattr, request["function"].split("."), importlib.import_module(request["module"])
    )
    if isinstance(work, AnalysisHandle):
        work = work.work
    keywords = arguments(input_model(work.__name__, work).model_validate_json(request["input"]))
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ContextThreadPool(thread_name_prefix="worker"))
    context.enter(
        context.AttemptContext(
            _ProgressPipe(pipe),
            _JournalPipe(pipe, request["session_id"], request["owner"]),
            _ChildClock(),
            loop,
            timeout=request["timeout"],
            conceal=conceal,
        )
    )
    if inspect.iscoroutinefunction(work):
        value = await work(**keywords)
    else:
        scope = contextvars.copy_context()
        value = await run_in_thread(lambda: scope.run(work, **keywords))
    codec = Codec(get_type_hints(work, include_extras=True).get("return", Any))
    text, _ = codec.round_trip(value, MAX_RESULT, "The result of the analysis")
    return text


async def _main(source: TextIO, sink: TextIO) -> None:
    request = json.loads(source.readline())
    pipe = _Pipe(source, sink, asyncio.get_running_loop())
    try:
        text = await _analyse(request, pipe)
    except BaseException as error:  # noqa: BLE001 - the attempt: whatever its code raised is its outcome
        pipe.send(op="raised", **_describe_error(error))
    else:
        pipe.send(op="done", result=text)


def _describe_error(raised: BaseException) -> dict[str, Any]:
    """Describe an error for the worker. The error's own methods may raise."""
    kind, message, seconds, exception = "", "", 0.0, type(raised).__name__
    try:
        error = decisive(raised)
        exception, message = class_name(error), str(error)[: MAX_MESSAGE + 1]
        for known in (Permanent, RetryAfter, StepTimeout, TooLarge, NotJson):
            if isinstance(error, known):
                kind = known.__name__
        if isinstance(error, RetryAfter):
            seconds = seconds_to_wait(error.seconds)
        trace = "".join(traceback.format_exception(raised))
    except BaseException as broken:  # noqa: BLE001 - the attempt: an error may raise anything while it is read
        kind, message, trace = (
            "",
            "",
            f"It raised a {type(raised).__name__} that cannot be read ({type(broken).__name__}).",
        )
    return {"kind": kind, "exception": exception, "message": message, "seconds": seconds, "trace": trace}


def main() -> None:
    """Talk over private copies of standard input and output.

    The analysis and its children read from `/dev/null` and print to standard error instead.
    """
    source, sink = os.dup(0), os.dup(1)
    silence_standard_input()
    os.dup2(2, 1)

    def close_pipes() -> None:
        os.close(source)
        os.close(sink)

    os.register_at_fork(after_in_child=close_pipes)  # a surviving child must not keep the pipe open
    with os.fdopen(source, encoding="utf-8") as reading, os.fdopen(sink, "w", encoding="utf-8") as writing:
        run_worker_loop(_main(reading, writing))
        writing.flush()
        os._exit(0)
