"""Fault injection on a fleet under load: two API and three worker machines on one PostgreSQL and one Redis.

A fixed number of sessions is in flight before, during and after the harms, so that the throughput before and after
can be compared. Then the checker runs. `--seed` repeats the choices; `--celery` sends sessions through a broker
(the same Redis), whose messages are lost and duplicated too.
"""

import argparse
import random
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import psycopg

import checker
from harms import HARMS, Harm, restart_postgres
from hosts import ApiHost, Host
from load import PATIENCE, Load
from outlast.ports.workers import LEASE
from proxy import Wires
from server_clock import server_clock
from small_disk import SmallDisk

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from servers import PostgresServer, RedisServer

CLEAR = "\r\x1b[K" if sys.stdout.isatty() else ""
"""Printed before each line, to overwrite the line of progress."""
SHOWN = 20
"""Violations printed one by one."""
LEAST = 0.95
"""Least ratio of the throughput after the harms to that before."""
DISK = 192
"""MiB of the server's own disk: an empty server has 40, and its log is kept below 64."""
SMALL = {"max_wal_size": "64MB", "min_wal_size": "32MB"}


class Fleet:
    """The machines, their database and their broker."""

    def __init__(self, folder: Path, seed: int, *, celery: bool) -> None:
        self.celery = celery
        self.disk = SmallDisk(folder / "disk", DISK)
        self.has_disk = self.disk.mount()
        self.clock = server_clock()
        self.ledger = checker.Ledger()
        self.killed = self.ledger.killed
        """Worker processes that were killed by a harm."""
        self.ineffective: list[str] = []
        """Harms that detected that they had no effect."""
        self.redis = RedisServer()
        self.apis: list[ApiHost] = []
        self.workers: list[Host] = []
        self.newer: list[Host] = []
        """Machines with the next version of the application, started by a harm."""
        self.load: Load
        self._folder = folder
        self._keeping = threading.Lock()
        self.on_progress: Callable[[], None] = lambda: None
        """Called about once a second."""
        folder.chmod(0o755)  # the server runs as another user
        environment = self.clock.environment
        if self.has_disk:
            self.postgres = PostgresServer(disk=self.disk.folder, environment=environment, **SMALL)
        else:
            self.postgres = PostgresServer(environment=environment)
        names = [*(f"api{n}" for n in (1, 2, 3)), *(f"worker{n}" for n in (1, 2, 3, 4))]
        self.wires = Wires(names, self.postgres.port, seed)

    def start(self) -> None:
        self.postgres.start()
        self.clock.prepare(self.postgres.url())
        self.redis.start()
        settings = {
            "REDIS_URL": self.redis.url,
            "APP_KEY": secrets.token_hex(32),
            "QUEUE_CONNECTION": "redis" if self.celery else "database",
            "ANALYSIS_WORKER_CONCURRENCY": "20",
        }

        def of(name: str) -> dict[str, str]:
            direct = f"127.0.0.1:{self.postgres.port}"
            wire = f"127.0.0.1:{self.wires.port(name)}"
            return settings | {"DATABASE_URL": self.postgres.url().replace(direct, wire)}

        self.apis = [
            ApiHost(self._folder, name, of(name), f"127.0.0.{n + 1}") for n, name in enumerate(("api1", "api2"), 1)
        ]
        names = ("worker1", "worker2", "worker3")
        self.workers = [Host(self._folder, name, of(name), "workers", "start") for name in names]
        self.newer_api = ApiHost(self._folder, "api3", of("api3"), "127.0.0.4", "next_workload")
        newer = Host(self._folder, "worker4", of("worker4"), "workers", "start", module="next_workload")
        self.newer = [self.newer_api, newer]
        for api in self.apis:
            api.start()
        for api in self.apis:
            api.wait()
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            connection.execute(checker.NOTE_WORKERS)
            for host in self.workers:
                host.start()
            end = time.monotonic() + PATIENCE
            while connection.execute("SELECT id FROM chaos_workers").rowcount < len(self.workers):
                time.sleep(0.1)
                if time.monotonic() > end:
                    raise SystemExit(f"The workers do not start:\n{self.workers[0].log[-3000:]}")

    @property
    def hosts(self) -> Sequence[Host]:
        return [*self.apis, *self.workers, *self.newer]

    def can(self, harm: Harm) -> bool:
        return harm.needs not in [*([] if self.celery else ["celery"]), *([] if self.has_disk else ["disk"])]

    def keep_for(self, seconds: float) -> None:
        """Wait; restart machines that ended by themselves, as a service manager would."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(1.0, left))
            with self._keeping:  # concurrent harms may all wait here
                for host in self.hosts:
                    host.keep()
                self.on_progress()

    def wait_for_all(self) -> None:
        """Wait until every session has ended, including those whose starts were never acknowledged."""
        left = "SELECT FROM analysis_sessions WHERE status IN ('pending', 'processing') LIMIT 1"
        end = time.monotonic() + PATIENCE
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            while connection.execute(left).rowcount and time.monotonic() < end:
                self.keep_for(0.2)

    def stop(self) -> list[str]:
        """Stop all machines by TERM; returns the processes left alive."""
        enders = [threading.Thread(target=host.stop) for host in self.hosts]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()
        return [stray for host in self.hosts for stray in host.strays()]

    def remove(self) -> None:
        for host in self.hosts:
            host.kill()
            host.strays()
        self.wires.close()
        self.redis.stop()
        self.postgres.remove()
        self.clock.close()
        if self.has_disk:
            self.disk.unmount()


class HarmSchedule:
    """Chooses harms by the seed, applies them to the fleet and prints them."""

    def __init__(self, fleet: Fleet, rng: random.Random, names: Sequence[str]) -> None:
        self.done: list[str] = []
        self.now: list[str] = []
        """Names of the harms in progress."""
        self._fleet = fleet
        self._rng = rng
        self._chosen = [harm for harm in HARMS if fleet.can(harm) and (not names or harm.name in names)]
        self._named = bool(names)
        self._began = time.monotonic()
        if len(self._chosen) < len(names):
            raise SystemExit(f"This fleet cannot be harmed by all of: {' '.join(names)}")

    def one(self) -> None:
        """Apply one harm; without `--harm`, follow it by a restart of PostgreSQL."""
        (harm,) = self._rng.choices(self._chosen, [harm.weight for harm in self._chosen])
        self._apply(harm, random.Random(self._rng.random()))
        if not self._named:
            self._apply(Harm(restart_postgres, 0), random.Random(self._rng.random()))

    def all_at_once(self) -> None:
        """Apply each chosen harm once, concurrently."""
        threads = [
            threading.Thread(target=self._apply, args=(harm, random.Random(self._rng.random())))
            for harm in self._chosen
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _apply(self, harm: Harm, rng: random.Random) -> None:
        begun = time.monotonic() - self._began
        self.now.append(harm.name)
        what = harm.do(self._fleet, rng)
        self.now.remove(harm.name)
        ended = time.monotonic() - self._began
        print(f"{CLEAR}{begun:6.1f} to {ended:5.1f} s  {harm.name}: {what}", flush=True)
        self.done.append(harm.name)


def run(fleet: Fleet, options: argparse.Namespace) -> tuple[checker.Ledger, list[str], float, float]:
    """Run a calm phase, a phase with harms and another calm phase."""
    rng = random.Random(options.seed)
    ledger = fleet.ledger
    fleet.start()
    fleet.load = load = Load(
        [api.root for api in fleet.apis],
        options.seed,
        ledger,
        owners=options.owners,
        short=options.short,
        lasting=options.lasting,
    )
    schedule = HarmSchedule(fleet, rng, options.harm)
    began = time.monotonic()
    if CLEAR:
        fleet.on_progress = lambda: print(
            f"{CLEAR}{time.monotonic() - began:6.1f} s  {load.line} {' '.join(schedule.now)}", end="", flush=True
        )
    load.begin()
    load.wait_for_an_end(20)
    if options.calm:
        fleet.keep_for(5)  # until starts and ends are in balance
    before = time.monotonic()
    fleet.keep_for(options.calm)
    harmed = time.monotonic()
    if options.poison or not options.harm:
        load.poisoned.set()
    if options.together:
        schedule.all_at_once()
    while time.monotonic() < harmed + options.seconds:
        fleet.keep_for(rng.uniform(*options.every))
        schedule.one()
    load.poisoned.clear()
    rates = (0.0, 0.0)
    if options.calm:
        fleet.keep_for(LEASE + 5)  # until claims of lost machines have lapsed
        after = time.monotonic()
        fleet.keep_for(options.calm)
        line = [load.rate(at, at + 5) for at in _every_five(before, time.monotonic())]
        print(f"{CLEAR}ends a second, each 5 s:", " ".join(f"{rate:.1f}" for rate in line), flush=True)
        rates = load.rate(before, before + options.calm), load.rate(after, after + options.calm)
    load.finish(lambda: fleet.keep_for(0.2))
    fleet.wait_for_all()
    ledger.strays = fleet.stop()
    return ledger, schedule.done, *rates


def _every_five(begin: float, end: float) -> list[float]:
    return [begin + 5 * n for n in range(int((end - begin) / 5))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180, help="of harm")
    parser.add_argument(
        "--calm", type=float, default=30, help="seconds before and after, to be compared; 0: neither"
    )
    parser.add_argument("--every", type=float, nargs=2, default=(5, 20), metavar=("MIN", "MAX"), help="seconds")
    parser.add_argument(
        "--harm", action="append", default=[], choices=[harm.name for harm in HARMS], help="only these"
    )
    parser.add_argument("--together", action="store_true", help="begin with all chosen harms at once")
    parser.add_argument("--owners", type=int, default=6, help="who start the sessions")
    parser.add_argument("--short", type=int, default=5, help="short sessions in flight of each of six visitors")
    parser.add_argument("--lasting", type=int, default=1, help="sessions of 20 s for each of six visitors")
    parser.add_argument(
        "--poison", action="store_true", help="with chosen harms too, some sessions kill their worker"
    )
    parser.add_argument("--celery", action="store_true", help="sessions reach the workers through a broker")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # run the clean-up
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        fleet = Fleet(Path(folder), options.seed, celery=options.celery)
        try:
            ledger, harms, before, after = run(fleet, options)
            effects = (Path(folder) / "effects").read_text()
            ledger.effects = [line.split() for line in effects.splitlines()]
            with psycopg.connect(fleet.postgres.url(), autocommit=True) as connection:
                faults = checker.check_fleet(ledger, connection)
            if not options.together:  # concurrent harms may mask each other
                faults += [f"No harm: {harm}" for harm in fleet.ineffective]
            if faults or after < LEAST * before:
                for host in fleet.hosts:
                    print(f"--- {host.name}\n{host.log[-8000:]}", file=sys.stderr)
        finally:
            fleet.remove()
    ends = [s.status for s in {s.session: s for s in ledger.snapshots}.values()]
    print(f"{CLEAR}{len(ledger.acknowledged)} acknowledged, {len(ledger.snapshots)} snapshots, {len(harms)} harms")
    print(f"ends: { {e: ends.count(e) for e in sorted(set(ends))} }, load {psutil.getloadavg()[0]:.1f}")
    if options.calm:
        print(f"throughput before {before:.1f}, after {after:.1f} a second: {after / max(before, 1e-9):.2f}")
    for fault in faults[:SHOWN]:
        print(fault)
    if len(faults) > SHOWN:
        print(
            f"… and {len(faults) - SHOWN} more; of them all, {sum('quarantined' in f for f in faults)} quarantined"
        )
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
