"""Two API and three worker machines around one PostgreSQL and one Redis; all of them are harmed under load.

Before, while and after the harm a fixed number of sessions is kept in flight, so that the throughput of the first
and the last stretch can be compared. Then the checker judges. `--seed` repeats the choices, `--celery` sends the
sessions through a broker (the same Redis), whose messages are lost and doubled too.
"""

import argparse
import random
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import redis

import checker
from hosts import ApiHost, Host
from outlast.ports.workers import LEASE
from visitor import Visitor

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from servers import PostgresServer, RedisServer

LEAST = 0.95
"""Of the throughput before is wanted after."""
PATIENCE = 90.0
"""Seconds within which everything has to end once nothing is harmed any more."""
VISITORS = 6
EACH_HAS = 5
"""Sessions that one visitor keeps in flight."""
FAILURE_EVERY = 2.0
"""Seconds between the starts of sessions that fail, all the time."""
POISON_EVERY = 20.0
"""Seconds between the starts of sessions that kill their worker, while everything else is harmed too."""


class Fleet:
    """The machines and their servers."""

    def __init__(self, folder: Path, *, celery: bool) -> None:
        self.postgres = PostgresServer()
        self.redis = RedisServer()
        self.celery = celery
        self._folder = folder
        self.apis: list[ApiHost] = []
        self.workers: list[Host] = []

    def start(self) -> None:
        self.postgres.start()
        self.redis.start()
        settings = {
            "DATABASE_URL": self.postgres.url(),
            "REDIS_URL": self.redis.url,
            "APP_KEY": secrets.token_hex(32),
            "QUEUE_CONNECTION": "redis" if self.celery else "database",
            "ANALYSIS_WORKER_CONCURRENCY": "20",
        }
        self.apis = [ApiHost(self._folder, f"api{n}", settings, f"127.0.0.{n + 1}") for n in (1, 2)]
        self.workers = [Host(self._folder, f"worker{n}", settings, "workers", "start") for n in (1, 2, 3)]
        for host in self.hosts:
            host.start()
        for api in self.apis:
            api.wait()

    @property
    def hosts(self) -> Sequence[Host]:
        return [*self.apis, *self.workers]

    def keep_for(self, seconds: float) -> None:
        """So long; a machine that could not start without PostgreSQL is started again, as everywhere."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(min(1.0, max(0.0, end - time.monotonic())))
            for host in self.hosts:
                host.keep()

    def stop(self) -> list[str]:
        """In an orderly way; answers what was left alive."""
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
        self.redis.stop()
        self.postgres.remove()


class Harm:
    """What befalls a fleet, chosen by the seed."""

    def __init__(self, fleet: Fleet, rng: random.Random) -> None:
        self._fleet = fleet
        self._rng = rng
        self.done: list[str] = []

    def strike(self) -> None:
        """PostgreSQL is restarted each time, and something else happens too."""
        ways: list[tuple[Callable[[], None], int]] = [
            (self.kill_backends, 3),
            (self.kill_redis, 2),
            (self.flush_redis, 2),
            (self.kill_worker_process, 3),
            (self.lose_a_machine, 1),
            (self.deploy_an_api, 1),
        ]
        if self._fleet.celery:
            ways += [(self.lose_messages, 3), (self.triple_messages, 3)]
        way = self._rng.choices([w for w, _ in ways], [weight for _, weight in ways])[0]
        way()
        self.restart_postgres()
        self.done.append(way.__name__)

    def restart_postgres(self) -> None:
        self._fleet.postgres.stop()
        time.sleep(self._rng.uniform(0.0, 1.5))
        self._fleet.postgres.start()

    def kill_backends(self) -> None:
        with psycopg.connect(self._fleet.postgres.url(), autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

    def kill_redis(self) -> None:
        self._fleet.redis.stop()
        time.sleep(self._rng.uniform(0.0, 1.5))
        self._fleet.redis.start()

    def flush_redis(self) -> None:
        self._fleet.redis.ask("FLUSHALL")

    def kill_worker_process(self) -> None:
        pids = self._rng.choice(self._fleet.workers).workers()
        if pids:
            with suppress(psutil.NoSuchProcess):
                psutil.Process(self._rng.choice(pids)).kill()

    def lose_a_machine(self) -> None:
        host = self._rng.choice(self._fleet.workers)
        host.kill()
        host.start()

    def deploy_an_api(self) -> None:
        api = self._rng.choice(self._fleet.apis)
        api.stop()
        api.start()

    def lose_messages(self) -> None:
        self._fleet.redis.ask("DEL", "analysis")

    def triple_messages(self) -> None:
        """Every message that waits in the broker's list comes twice more."""
        script = (
            "local m = redis.call('LRANGE', 'analysis', 0, -1) "
            "for i = 1, 2 do for _, x in ipairs(m) do redis.call('LPUSH', 'analysis', x) end end return #m"
        )
        with redis.Redis.from_url(self._fleet.redis.url) as client:
            client.eval(script, 0)


class Load:
    """People who keep a number of sessions in flight, over both API machines in turn.

    Only what is to complete counts as throughput: what fails waits for its next attempt by design.
    """

    def __init__(self, fleet: Fleet, seed: int, ledger: checker.Ledger) -> None:
        self._fleet = fleet
        self._ledger = ledger
        self._over = threading.Event()
        self._calm = threading.Event()
        """Set: begin nothing new."""
        self.poisoned = threading.Event()
        """Set: some sessions kill their worker."""
        self._numbers = iter(range(10**9))
        self.ends: list[float] = []
        """When each of those that complete was seen at its end."""
        self._threads = [
            threading.Thread(target=self._live, args=(random.Random(seed + n),)) for n in range(VISITORS)
        ]
        self._threads.append(threading.Thread(target=self._trouble, args=(random.Random(seed - 1),)))

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Begin nothing more, wait for what is in flight, at most for as long as that may take."""
        self._calm.set()
        end = time.monotonic() + PATIENCE
        for thread in self._threads:
            thread.join(max(0.1, end - time.monotonic()))
        self._over.set()
        for thread in self._threads:
            thread.join()

    def rate(self, begin: float, end: float) -> float:
        return sum(begin <= at < end for at in self.ends) / (end - begin)

    def _live(self, rng: random.Random) -> None:
        visitor = Visitor(lambda: rng.choice(self._fleet.apis).root, self._ledger)
        stranger = Visitor(lambda: rng.choice(self._fleet.apis).root, self._ledger)
        mine: set[str] = set()
        while not self._over.wait(0.05) and (mine or not self._calm.is_set()):
            while len(mine) < EACH_HAS and not self._calm.is_set():
                session = visitor.start(rng.choice(["steady", "steady", "threaded"]), next(self._numbers))
                if session is None:
                    break
                mine.add(session)
            for session in list(mine):
                if visitor.look(session) in checker.FINAL:
                    mine.remove(session)
                    self.ends.append(time.monotonic())
                elif rng.random() < 0.02:
                    stranger.pry(session)
        visitor.close()
        stranger.close()

    def _trouble(self, rng: random.Random) -> None:
        """Start what fails and what kills, and see to its end."""
        visitor = Visitor(lambda: rng.choice(self._fleet.apis).root, self._ledger)
        mine: set[str] = set()
        next_poison = 0.0
        while not self._over.wait(FAILURE_EVERY) and (mine or not self._calm.is_set()):
            kinds = [] if self._calm.is_set() else ["fails"]
            if kinds and self.poisoned.is_set() and time.monotonic() >= next_poison:
                next_poison = time.monotonic() + POISON_EVERY
                kinds.append("poison")
            started = [visitor.start(kind, next(self._numbers)) for kind in kinds]
            mine.update(session for session in started if session is not None)
            mine -= {session for session in mine if visitor.look(session) in checker.FINAL}
        visitor.close()


def run(
    fleet: Fleet, seed: int, calm: float, harmed: float, every: tuple[float, float]
) -> tuple[checker.Ledger, list[str], float, float]:
    """Stretches of `calm` seconds around one of `harmed` seconds, with a harm `every` so often."""
    rng = random.Random(seed)
    ledger = checker.Ledger()
    harm = Harm(fleet, rng)
    load = Load(fleet, seed, ledger)
    fleet.start()
    load.begin()
    time.sleep(5)  # until the first sessions have come to their end
    before = time.monotonic()
    time.sleep(calm)
    began = time.monotonic()
    load.poisoned.set()
    while time.monotonic() < began + harmed:
        fleet.keep_for(rng.uniform(*every))
        harm.strike()
        print(f"{time.monotonic() - began:6.1f} s  {harm.done[-1]}, PostgreSQL restarted", flush=True)
    load.poisoned.clear()
    fleet.keep_for(LEASE + 5)  # what a lost machine held is back
    after = time.monotonic()
    time.sleep(calm)
    line = [load.rate(at, at + 5) for at in _every_five(before, time.monotonic())]
    print("ends a second, each 5 s:", " ".join(f"{rate:.1f}" for rate in line), flush=True)
    rates = load.rate(before, before + calm), load.rate(after, after + calm)
    load.finish()
    ledger.strays = fleet.stop()
    return ledger, harm.done, *rates


def _every_five(begin: float, end: float) -> list[float]:
    return [begin + 5 * n for n in range(int((end - begin) / 5))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180, help="of harm")
    parser.add_argument("--calm", type=float, default=30, help="seconds before and after, to be compared")
    parser.add_argument("--every", type=float, nargs=2, default=(5, 20), metavar=("MIN", "MAX"), help="seconds")
    parser.add_argument("--celery", action="store_true", help="sessions reach the workers through a broker")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        fleet = Fleet(Path(folder), celery=options.celery)
        try:
            ledger, harms, before, after = run(
                fleet, options.seed, options.calm, options.seconds, tuple(options.every)
            )
            effects = (Path(folder) / "effects").read_text()
            ledger.effects = [line.split() for line in effects.splitlines()]
            with psycopg.connect(fleet.postgres.url(), autocommit=True) as connection:
                faults = checker.check_fleet(ledger, connection)
            if faults or after < LEAST * before:
                for host in fleet.hosts:
                    print(f"--- {host.name}\n{host.log[-8000:]}", file=sys.stderr)
        finally:
            fleet.remove()
    ends = [s.status for s in {s.session: s for s in ledger.sights}.values()]
    print(f"{len(ledger.acknowledged)} acknowledged, {len(ledger.sights)} snapshots, {len(harms)} harms")
    print(f"ends: { {e: ends.count(e) for e in sorted(set(ends))} }, load {psutil.getloadavg()[0]:.1f}")
    print(f"throughput before {before:.1f}, after {after:.1f} a second: {after / max(before, 1e-9):.2f}")
    for fault in faults:
        print(fault)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
