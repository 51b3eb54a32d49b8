"""An attempt in a process of its own: the side of the analysis (`python -m outlast.core.isolated`)."""

import asyncio
import contextvars
import importlib
import inspect
import io
import itertools
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any, TextIO, get_type_hints

from outlast.core import context
from outlast.core.attempt import in_thread
from outlast.core.payload import MAX_RESULT, Codec, arguments, input_model
from outlast.core.thread_pool import ContextThreadPool
from outlast.domain.errors import Permanent
from outlast.domain.session import KeptStep


class _Pipe:
    """The line to the worker: tells at once, asks and waits. Its other end gone, this process ends."""

    def __init__(self, source: TextIO, sink: TextIO, loop: asyncio.AbstractEventLoop) -> None:
        self._source = source
        self._sink = sink
        self._loop = loop
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, name="pipe", daemon=True).start()

    def tell(self, **message: Any) -> None:
        with self._lock:
            self._sink.write(json.dumps(message) + "\n")
            self._sink.flush()

    async def ask(self, **message: Any) -> Any:
        number = next(self._numbers)
        self._waiting[number] = answer = self._loop.create_future()
        self.tell(**message, n=number)
        return await answer

    def _listen(self) -> None:
        for line in self._source:
            message = json.loads(line)
            self._loop.call_soon_threadsafe(self._answer, message["n"], message["answer"])
        os._exit(1)

    def _answer(self, number: int, answer: Any) -> None:
        waiting = self._waiting.pop(number)
        if not waiting.done():
            waiting.set_result(answer)


class _Progress:
    def __init__(self, pipe: _Pipe) -> None:
        self._pipe = pipe
        self._told: dict[tuple[str | None, int], float] = {}

    def begin(self, name: str, call: int, flow: int) -> None:
        self._pipe.tell(op="begin", step=name, call=call, flow=flow)

    def resume(self, name: str, flow: int) -> None:
        self._pipe.tell(op="resume", step=name, flow=flow)

    def end(self, name: str, call: int) -> None:
        self._told.pop((name, call), None)
        self._pipe.tell(op="end", step=name, call=call)

    def leave(self, name: str, call: int) -> None:
        self._told.pop((name, call), None)
        self._pipe.tell(op="leave", step=name, call=call)

    def fan_out(self, name: str, calls: int) -> None:
        self._pipe.tell(op="fan_out", step=name, calls=calls)

    def fan_in(self, name: str) -> None:
        self._pipe.tell(op="fan_in", step=name)

    def report(
        self, name: str | None, call: int, done: float | None, total: float | None, message: str | None
    ) -> None:
        now = time.monotonic()
        last = done is None or done >= (total or 1.0)
        if last or now - self._told.get((name, call), 0.0) >= 0.05:  # the worker writes four a second at most
            self._told[name, call] = now
            self._pipe.tell(op="report", step=name, call=call, done=done, total=total, message=message)

    async def told(self) -> None:
        """At once: who tells it is another process, which nothing here holds up."""


class _Journal:
    def __init__(self, pipe: _Pipe, owner: str) -> None:
        self._pipe = pipe
        self.owner = owner

    async def kept(self, call: str) -> KeptStep | None:
        kept = await self._pipe.ask(op="kept", call=call)
        return KeptStep(**kept) if kept else None

    async def keep(self, kept: KeptStep) -> None:
        await self._pipe.ask(op="keep", kept=asdict(kept))

    async def upload(self, sha256: str) -> AsyncIterator[bytes]:
        answer = await self._pipe.ask(op="upload", sha256=sha256)
        if "error" in answer:
            raise Permanent(answer["error"])
        path = Path(answer["path"])
        with path.open("rb") as file:  # noqa: ASYNC230 - this process has nothing else to do
            path.unlink()  # noqa: ASYNC240 - as above
            while chunk := file.read(1 << 20):
                yield chunk

    async def upload_name(self, sha256: str) -> str:
        answer = await self._pipe.ask(op="upload_name", sha256=sha256)
        if "error" in answer:
            raise Permanent(answer["error"])
        return answer["name"]


class _SystemClock:
    """This process's own clock; only durations are taken from it."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def boot_id(self) -> str:
        return ""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _analyse(order: dict[str, Any], pipe: _Pipe) -> str:
    work: Callable[..., Any] = reduce(
        getattr, order["function"].split("."), importlib.import_module(order["module"])
    )
    given = arguments(input_model(work.__name__, work).model_validate_json(order["input"]))
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ContextThreadPool(thread_name_prefix="worker"))
    context.enter(context.AttemptContext(_Progress(pipe), _Journal(pipe, order["owner"]), _SystemClock(), loop))
    if inspect.iscoroutinefunction(work):
        value = await work(**given)
    else:
        scope = contextvars.copy_context()
        value = await in_thread(lambda: scope.run(work, **given))
    codec = Codec(get_type_hints(work, include_extras=True).get("return", Any))
    return codec.dump(value, MAX_RESULT, "The result of the analysis")


async def _main(source: TextIO, sink: TextIO) -> None:
    order = json.loads(source.readline())
    pipe = _Pipe(source, sink, asyncio.get_running_loop())
    try:
        text = await _analyse(order, pipe)
    except Exception as error:  # noqa: BLE001 - the attempt: whatever its code raised is its outcome
        trace = "".join(traceback.format_exception(error))
        seconds = getattr(error, "seconds", 0.0)
        pipe.tell(op="raised", kind=type(error).__name__, message=str(error), seconds=seconds, trace=trace)
    else:
        pipe.tell(op="done", result=text)


def main() -> None:
    """Speak over the original standard output; what the analysis prints goes to standard error."""
    sink = io.TextIOWrapper(os.fdopen(os.dup(1), "wb"), encoding="utf-8")
    os.dup2(2, 1)
    asyncio.run(_main(sys.stdin, sink))
    sink.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
