"""An `Outlast` object in memory for tests: the real engine and worker, and a clock that skips every wait."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, MutableMapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from outlast.app import Outlast, runtime_of
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.core.analyses.catalogue import Catalogue
from outlast.core.session_starts import StartDefaults
from outlast.core.watch import SessionView
from outlast.domain.retry_after import YEAR
from outlast.domain.status import Status
from outlast.ports.notifier import Topic
from outlast.ports.store import StartLimits
from outlast.running.engine import Engine
from outlast.running.event_loop import run_worker_loop
from outlast.running.maintenance import Retention
from outlast.running.worker_options import WorkerOptions
from outlast.settings import Settings
from outlast.sync import wait_on
from outlast.testing.skipping_loop import SkippingClock, SkippingLoop

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

T = TypeVar("T")

OWNER = "the test"
RETENTION = 100 * YEAR / 3600
"""Hours that the store keeps everything, because the clock may skip years."""
PLENTY = 1_000_000
"""A limit that no test reaches."""
HOSTS = ("testserver", "test", "localhost", "127.0.0.1")
"""The hosts that test clients use."""


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that has ended, as `run` returns it."""

    view: SessionView
    """The final view; `view.session` has every detail."""
    value: Any
    """The result as the declared type; `None` unless the session completed."""

    @property
    def id(self) -> str:
        return self.view.session.id

    @property
    def status(self) -> Status:
        return self.view.session.status

    @property
    def attempts(self) -> int:
        """How many attempts the session had: at least 1, or 0 if it got a fresh result."""
        return self.view.session.attempt

    @property
    def error(self) -> str | None:
        """The sentence that the visitor reads if the session failed."""
        return self.view.session.error

    @property
    def error_code(self) -> str | None:
        return self.view.session.error_code

    @property
    def result(self) -> Any:
        """The result as the declared type. Raises `AssertionError` unless the session completed."""
        if self.status is not Status.COMPLETED:
            raise AssertionError(
                f"The session {self.status} after {self.attempts} attempt(s), with the code {self.error_code!r}: "
                f"{self.error} The log has the traceback."
            )
        return self.value


class MemoryApp:
    """An `Outlast` object that works in memory until the end of a `with` or `async with` block.

    The object keeps its analyses and settings; the test replaces its store, its data folder and its limits. Within
    the block, `outlast.sync` uses the same store.
    """

    def __init__(self, outlast: Outlast, folder: Path) -> None:
        self.outlast = outlast
        self._folder = folder
        self._thread = threading.Thread(target=self._work, name="outlast-test", daemon=True)
        self._opened: Future[None] = Future()
        self._loop: SkippingLoop | None = None
        self._engine: Engine | None = None
        self._closing = asyncio.Event()
        self._closed = False

    def run(self, analysis: str, /, *, owner: str = OWNER, **values: Any) -> EndedSession:
        """Start an analysis with these input values and return its session once it has ended, however it ended.

        `RetryAfter`, retries and timeouts wait for no real time while no code runs. Raises what `Outlast.start`
        raises.
        """
        loop = self.loop
        with loop.called():
            return wait_on(loop, self.ended(analysis, owner, values))

    def skip(self, seconds: float) -> None:
        """Advance the wall clock, timers and waits by `seconds` at once."""
        wait_on(self.loop, self.skipped(seconds))

    def asgi(self, host: "ASGIApp | None" = None) -> "ASGIApp":
        """Return the site for a test client on any event loop, or `host`, an ASGI application that mounts it.

        The site accepts the host names `testserver`, `test`, `localhost` and `127.0.0.1`.
        """
        return _Bridge(host or self.outlast.asgi(), self.loop, own_lifespan=host is not None)

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> "AsyncMemoryApp":
        await asyncio.to_thread(self.open)
        return AsyncMemoryApp(self)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    def open(self) -> None:
        """Open the object on an event loop in a new thread."""
        self._thread.start()
        self._opened.result()

    def close(self) -> None:
        """Release running attempts and restore the object's own store. Idempotent."""
        if self._closed or not self._thread.is_alive():
            return
        self.loop.call_soon_threadsafe(self._closing.set)
        self._closed = True
        self._thread.join()

    @property
    def loop(self) -> SkippingLoop:
        """The loop on which the object is open. Raises `RuntimeError` outside the block."""
        if self._loop is None or self._closed:
            raise RuntimeError("The app is open within its block only: with outlast_app(outlast) as app: …")
        return self._loop

    async def skipped(self, seconds: float) -> None:
        """See `skip`."""
        self.loop.skip(seconds)
        self._wake_workers()

    async def ended(self, analysis: str, owner: str, values: dict[str, Any]) -> EndedSession:
        """See `run`."""
        loop, engine = self.loop, self._engine
        assert engine is not None  # noqa: S101 - `loop` has checked that it is open
        started = await self.outlast.start(analysis, owner=owner, **values)
        view = SessionView(started.session)
        loop.skips += 1
        try:
            async for view in engine.sessions.watch(started.session.id, owner=None):
                waits = (view.session.available_at - engine.clock.now()).total_seconds()
                if view.session.status is Status.PENDING and waits > 0 and loop.skips == 1:
                    await self.skipped(waits)
        finally:
            loop.skips -= 1
        value = None
        stored = await engine.sessions.result(view.session.id, owner=None)
        if stored is not None:
            value = engine.catalogue[analysis].codec.load(stored.result)
        return EndedSession(view, value)

    def _wake_workers(self) -> None:
        if self._engine is not None:
            self._engine.notifier.publish(Topic.WAITING, [a.queue for a in self._engine.catalogue])

    def _work(self) -> None:
        try:
            run_worker_loop(self._serve(), SkippingLoop)
        except BaseException as error:
            if not self._opened.done():
                self._opened.set_exception(error)
                return
            raise

    async def _serve(self) -> None:
        self._loop = cast("SkippingLoop", asyncio.get_running_loop())
        async with self._in_memory() as engine:
            queues = tuple(dict.fromkeys(a.queue for a in engine.catalogue)) or ("analysis",)
            options = WorkerOptions(queues=queues, grace=0.0)
            self._opened.set_result(None)
            while not self._closing.is_set():
                worker = engine.worker(options)
                running = asyncio.create_task(worker.run())
                closing = asyncio.create_task(self._closing.wait())
                await asyncio.wait({running, closing}, return_when=asyncio.FIRST_COMPLETED)
                closing.cancel()
                worker.stop()
                worker.stop()
                await running

    @asynccontextmanager
    async def _in_memory(self) -> AsyncGenerator[Engine]:
        """Open the object with an engine in memory, and restore its own settings and store afterwards."""
        outlast = self.outlast
        clock = SkippingClock(self.loop)
        settings = outlast.settings.model_copy(
            update={
                "async_enabled": True,
                "queue_connection": "database",
                "database_url": "sqlite:///unused.db",
                "redis_url": None,
                "data_dir": self._folder,
                "app_key": ("the key of a test, which signs nothing that lasts",),
                "max_active_per_owner": PLENTY,
                "starts_per_minute": PLENTY,
                "allowed_hosts": (*outlast.settings.allowed_hosts, *HOSTS),
            }
        )

        def make_engine(settings: Settings, catalogue: Catalogue) -> Engine:
            self._engine = Engine(
                MemoryStore(clock),
                MemoryNotifier(),
                catalogue,
                clock,
                StartDefaults(StartLimits(PLENTY, PLENTY), settings.queue_timeout, settings.queue_max_tries),
                Retention(RETENTION, RETENTION, RETENTION, RETENTION),
            )
            return self._engine

        with runtime_of(outlast).replaced(settings, make_engine):
            async with outlast.lifespan():
                assert self._engine is not None  # noqa: S101 - just made
                yield self._engine


class AsyncMemoryApp:
    """A `MemoryApp` for `async def` tests."""

    def __init__(self, app: MemoryApp) -> None:
        self._app = app
        self.outlast = app.outlast

    async def run(self, analysis: str, /, *, owner: str = OWNER, **values: Any) -> EndedSession:
        """See `MemoryApp.run`."""
        return await self.call(self._app.ended(analysis, owner, values))

    async def skip(self, seconds: float) -> None:
        """See `MemoryApp.skip`."""
        await self.call(self._app.skipped(seconds))

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of the object on the object's loop: `await app.call(outlast.get(session_id))`."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._app.loop))

    def asgi(self, host: "ASGIApp | None" = None) -> "ASGIApp":
        """See `MemoryApp.asgi`."""
        return self._app.asgi(host)


class _Bridge:
    """An ASGI application that runs another one on its own event loop."""

    def __init__(self, app: "ASGIApp", loop: asyncio.AbstractEventLoop, *, own_lifespan: bool) -> None:
        self._app = app
        self._loop = loop
        self._own_lifespan = own_lifespan

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "lifespan" and not self._own_lifespan:
            for event in ("startup", "shutdown"):  # the `with` block opens and closes the site
                await receive()
                await send({"type": f"lifespan.{event}.complete"})
            return
        client = asyncio.get_running_loop()

        async def receive_there() -> MutableMapping[str, Any]:
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_received(receive), client))

        async def send_there(message: MutableMapping[str, Any]) -> None:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_sent(send, message), client))

        work = _called(self._app, scope, receive_there, send_there)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))


async def _called(app: "ASGIApp", scope: "Scope", receive: "Receive", send: "Send") -> None:
    await app(scope, receive, send)


async def _received(receive: "Receive") -> MutableMapping[str, Any]:
    return await receive()


async def _sent(send: "Send", message: MutableMapping[str, Any]) -> None:
    await send(message)
