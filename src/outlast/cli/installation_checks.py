"""The checks of `outlast doctor` on this machine: settings, data folder, key, disk, store, workers, queues."""

import os
import resource
import shlex
import shutil
import socket
import stat
import time
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from outlast.app import Outlast, runtime_of
from outlast.cli.application import opened, shown_command
from outlast.cli.file_descriptors import allowed_connections
from outlast.cli.findings import Finding, ok, problem, unknown, warning
from outlast.core.queue_states import QueueStates, queue_states
from outlast.core.quota import MB
from outlast.domain.errors import (
    ForeignKey,
    OutlastError,
    PackageMissing,
    SchemaOutdated,
    StoreRefused,
    StoreUnavailable,
)
from outlast.ports.store import CLOCK_MARGIN
from outlast.ports.workers import WorkerInfo
from outlast.running.code_version import CodeVersion, newest_version, runs_old_code
from outlast.running.engine import Engine
from outlast.settings import Settings, SettingsError
from outlast.unknown_settings import unknown_settings
from outlast.web.keys import KEY_FILE, require_safe_key

MAX_OFFSET = 1.0
"""Seconds by which this clock and the database's may differ without a warning."""
CONNECT_TIMEOUT = 3.0
"""Seconds that a server may take to accept a connection."""
REDIS_PORT = 6379


def check_names() -> Iterator[Finding]:
    """Settings that nothing reads."""
    for stray in unknown_settings():
        rename = f"Rename it to {stray.nearest}." if stray.nearest else "Remove it."
        yield warning("settings", stray.sentence, rename)


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Settings with which people end up by accident."""
    yield ok("settings", "Every setting has a valid value.")
    if settings.inline:
        yield warning(
            "settings",
            "Analyses run inside the request (sync mode): each start blocks until it has ended.",
            "If that is not intended, set ANALYSIS_ASYNC_ENABLED=true and QUEUE_CONNECTION=database.",
        )
    if settings.dashboard_key is None:
        yield warning(
            "settings",
            "ANALYSIS_DASHBOARD_KEY is not set: only the link that `outlast serve` prints lets operators into the "
            "dashboard, and /metrics needs ANALYSIS_DASHBOARD_VIEWER_KEY or an API key of the scope operate.",
            "Set ANALYSIS_DASHBOARD_KEY=$(openssl rand -hex 16), the same in every process.",
        )


def check_data_folder(settings: Settings) -> Iterator[Finding]:
    """The folder of the embedded database and of the key."""
    folder = settings.data_path
    if settings.on_postgres and settings.app_key:
        yield ok("data folder", "None is needed: the store is PostgreSQL and APP_KEY is set.")
    elif not folder.exists():
        yield warning(
            "data folder",
            f"{folder.absolute()} does not exist; the first start creates it.",
            "If you expected it to exist, check ANALYSIS_DATA_DIR: a relative path starts at the current folder.",
        )
    elif not folder.is_dir():
        yield problem(
            "data folder", f"{folder.absolute()} is not a folder.", "Name another one in ANALYSIS_DATA_DIR."
        )
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield problem(
            "data folder",
            f"This user cannot write to {folder.absolute()}.",
            f"Run the command as the user of the server, or chown the folder: it belongs to uid "
            f"{folder.stat().st_uid}.",
        )
    elif stat.S_IMODE(folder.stat().st_mode) & stat.S_IRWXO:
        yield warning(
            "data folder",
            f"Every user of this machine can open {folder.absolute()}.",
            f"chmod 700 {folder.absolute()}",
        )
    else:
        yield ok("data folder", f"{folder.absolute()} exists and is writable.")


def check_key(settings: Settings) -> Iterator[Finding]:
    """The key that signs cookies and tokens."""
    if settings.app_key:
        older = len(settings.app_key) - 1
        yield ok(
            "key", "APP_KEY is set" + (f", with {older} older key(s) that are still accepted." if older else ".")
        )
        return
    path = settings.data_path / KEY_FILE
    try:
        require_safe_key(settings)
    except SettingsError as error:
        sentence, _, mend = str(error).removeprefix("APP_KEY: ").partition(". ")
        yield problem("key", f"{sentence}.", mend)
    except PermissionError:
        yield problem("key", f"This user cannot read {path}.", "Run the command as the user of the server.")
    else:
        if path.exists():
            yield ok("key", f"{path} belongs to its owner alone and is long enough.")
        else:
            yield ok("key", f"{path} does not exist yet; the first start creates it.")


def check_disk(settings: Settings) -> Iterator[Finding]:
    """The space on the disk of the data folder."""
    folder = settings.data_path.absolute()
    while not folder.exists():
        folder = folder.parent
    free, needed = shutil.disk_usage(folder).free / MB, settings.min_free_mb
    shown = f"{free:,.0f} MB are free on the disk of {folder}"
    mend = (
        "Delete what is not needed, run `outlast cleanup`, or use a larger disk. ANALYSIS_MIN_FREE_MB says how "
        "much space must stay free."
    )
    if settings.on_postgres:
        yield ok("disk", f"{shown}. If the database is on another machine, watch its disk there.")
    elif free < needed:
        yield problem("disk", f"{shown}, less than {needed:,.0f}: starts and uploads are refused.", mend)
    elif free < 2 * needed:
        yield warning("disk", f"{shown}; below {needed:,.0f} MB, starts and uploads are refused.", mend)
    else:
        yield ok("disk", f"{shown}.")


def check_descriptors(settings: Settings) -> Iterator[Finding]:
    """The limit on open files, by which `outlast serve` limits its connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = allowed_connections(hard, settings.max_connections)
    if allowed < settings.max_connections:
        yield warning(
            "descriptors",
            f"At most {hard:,} files may be open, which is enough for {allowed:,} connections of the "
            f"{settings.max_connections:,} of ANALYSIS_MAX_CONNECTIONS.",
            f"Set LimitNOFILE={settings.max_connections * 2} in the systemd unit (ulimit -n in a shell), or a "
            "lower ANALYSIS_MAX_CONNECTIONS.",
        )
    else:
        yield ok("descriptors", f"The limit on open files allows {allowed:,} connections.")


def check_redis(settings: Settings) -> Iterator[Finding]:
    """Whether Redis accepts connections."""
    parts = urlsplit(settings.redis_url or "")
    if parts.scheme not in {"redis", "rediss"}:
        return
    host, port = parts.hostname or "localhost", parts.port or REDIS_PORT
    try:
        socket.create_connection((host, port), CONNECT_TIMEOUT).close()
    except OSError as error:
        yield problem(
            "redis",
            f"Redis at {host}:{port} does not accept connections: {error.strerror or error}. Until it "
            "does, processes poll.",
            "Start it, or correct or remove REDIS_URL.",
        )
    else:
        yield ok("redis", f"Redis at {host}:{port} accepts connections.")


async def check_store(app: Outlast, app_name: str | None = None) -> AsyncGenerator[Finding]:
    """The store, its schema and its clock, and what is in it: workers, queues.

    `app_name` is the `--app` of the command, which the commands that mend it need too.
    """
    settings = app.settings
    try:
        async with opened(app) as engine:
            await engine.store.check()
            yield ok("store", f"{settings.shown_store} can be read and written.")
            yield ok("schema", "The schema is current.")
            async for finding in _inside(engine, settings, runtime_of(app).code_version(), app_name):
                yield finding
    except SchemaOutdated as error:
        yield problem("schema", str(error), shown_command("migrate", app_name))
    except ForeignKey as error:
        yield problem("key", str(error), "Set the same APP_KEY on every machine.")
    except StoreRefused as error:
        yield problem(
            "store",
            str(error),
            "Correct DATABASE_URL, or create the database and the user that it names.",
        )
    except PackageMissing as error:
        yield problem("store", str(error), "Install the package that it names.")
    except StoreUnavailable as error:
        yield problem(
            "store",
            f"{settings.shown_store} does not answer: {error}",
            "Start the database, and check the address in DATABASE_URL, the network and the rights of this user.",
        )
    except OutlastError as error:
        yield problem("store", str(error), "Do what the sentence says.")


async def _inside(
    engine: Engine, settings: Settings, own: CodeVersion, app_name: str | None
) -> AsyncGenerator[Finding]:
    sent_at, began = datetime.now(UTC), time.monotonic()
    details = await engine.store.details()
    took = time.monotonic() - began
    yield ok("database", f"{details.version}, which answered within {took * 1000:,.0f} ms.")
    yield _clock(details.at - sent_at - timedelta(seconds=took / 2), settings)
    states = await queue_states(engine.store, details.at)
    for finding in (*_workers(states, settings, app_name), *_queues(states, settings, app_name)):
        yield finding
    for finding in _code(states, engine, own, app_name):
        yield finding
    free = engine.store.free_bytes()
    if free is not None and free < settings.min_free_mb * MB:
        yield problem(
            "disk",
            "The store refuses starts and uploads: its disk is almost full.",
            "Free some space on its disk.",
        )


def _clock(ahead: timedelta, settings: Settings) -> Finding:
    if not settings.on_postgres:
        return ok("clock", "The store uses the clock of this machine.")
    seconds = ahead.total_seconds()
    if abs(seconds) <= MAX_OFFSET:
        return ok("clock", f"The clocks of this machine and of the database agree within {MAX_OFFSET:g} s.")
    return (problem if abs(seconds) > CLOCK_MARGIN else warning)(
        "clock",
        f"The clock of the database is {abs(seconds):,.1f} s {'ahead of' if seconds > 0 else 'behind'} this "
        "machine's. Times on pages and the ends of logins are wrong by that much.",
        "Synchronise both clocks: timedatectl set-ntp true",
    )


def _workers(states: QueueStates, settings: Settings, app_name: str | None) -> Iterator[Finding]:
    alive = [worker for worker in states.workers if worker.alive]
    lost = len(states.workers) - len(alive)
    if alive and not any(worker.takes_sessions for worker in alive):
        yield warning(
            "workers",
            f"{len(alive)} alive, but none takes sessions: they are paused, draining or stopping.",
            f"{shown_command('workers resume', app_name)}, or start new ones: "
            + shown_command("workers start", app_name),
        )
    elif alive:
        hosts = len({worker.host for worker in alive})
        busy = sum(worker.in_flight for worker in alive)
        yield ok(
            "workers",
            f"{len(alive)} alive on {hosts} machine(s), with {busy} session(s) of {_capacity(alive)} at once.",
        )
    elif settings.inline:
        yield ok("workers", "None is needed in sync mode.")
    else:
        yield problem(
            "workers",
            "No worker is alive: sessions wait.",
            f"Start some: {shown_command('serve', app_name)}, or {shown_command('workers start', app_name)}",
        )
    if lost:
        yield warning(
            "workers",
            f"{lost} worker(s) have not renewed their lease.",
            "Keep a server or a worker running: it takes their sessions over.",
        )


def _capacity(alive: list[WorkerInfo]) -> int:
    return sum(worker.concurrency for worker in alive)


def _queues(states: QueueStates, settings: Settings, app_name: str | None) -> Iterator[Finding]:
    fine = True
    for name, state in states.queues.items():
        waited = state.oldest_wait.total_seconds() if state.oldest_wait else 0.0
        paused = [f"queue {name}"] if state.paused else [f"analysis {one}" for one in state.paused_analyses]
        if paused and state.pending:
            fine = False
            yield warning(
                "queues",
                f"{state.pending:,} session(s) wait in the queue {name}; paused: {', '.join(paused)}.",
                shown_command(
                    "queue resume "
                    + (
                        shlex.quote(name)
                        if state.paused
                        else f"--analysis {shlex.quote(state.paused_analyses[0])}"
                    ),
                    app_name,
                ),
            )
        if state.unserved:
            fine = False
            yield problem(
                "queues",
                f"Sessions of {', '.join(state.unserved)} wait in the queue {name}, and no living worker takes "
                f"them. The oldest has waited for {waited:,.0f} s.",
                f"Resume paused workers ({shown_command('workers resume', app_name)}), or start one whose program "
                "has the analysis: " + shown_command(f"workers start --queue {shlex.quote(name)}", app_name),
            )
        elif waited > settings.queue_timeout and not paused:
            fine = False
            yield warning(
                "queues",
                f"The oldest of {state.pending:,} sessions in the queue {name} has been waiting for "
                f"{waited:,.0f} s.",
                "Start more workers, or raise their --concurrency.",
            )
    if fine:
        waiting = sum(state.pending for state in states.queues.values())
        yield ok("queues", f"{waiting:,} session(s) wait, and living workers take all of them.")


def _code(states: QueueStates, engine: Engine, own: CodeVersion, app_name: str | None) -> Iterator[Finding]:
    """Workers that run older code, or another program."""
    alive = [worker for worker in states.workers if worker.alive]
    newest = newest_version(alive, own, datetime.now(UTC))
    old = [worker for worker in alive if runs_old_code(worker, own.program, newest)]
    if old:
        yield warning(
            "code",
            f"{len(old)} worker(s) run old code; the newest is {newest}.",
            shown_command("workers restart", app_name),
        )
    ours = set(engine.catalogue.names)
    others = [worker for worker in alive if worker not in old and not ours <= set(worker.analyses)]
    for worker in others:
        missing = ", ".join(sorted(ours - set(worker.analyses)))
        yield warning(
            "code",
            f"Worker {worker.id} (pid {worker.pid} on {worker.host}) does not know {missing}: it runs another "
            "program, or code from before they existed.",
            "Restart it after a deploy. If several programs share the store, give each a queue of its own.",
        )
    if alive and ours and not others and not old:
        yield ok("code", "Every worker runs the newest code, and knows the analyses of this program.")


def unchecked(check: str, reason: str) -> Finding:
    """What a check says that could not run."""
    return unknown(check, reason, "Mend the problems above first.")
