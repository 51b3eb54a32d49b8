"""The harms to a fleet, one function each. Each repairs what it harmed and returns what it did."""

import os
import random
import signal
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import redis

from descriptor_harm import exhaust_descriptors
from transaction_harm import hold_transaction
from version_harm import two_versions

if TYPE_CHECKING:
    from fleet import Fleet

CLOCK_STEPS = (30, 30, 30, 30, 7_200, -7_200, 25 * 3_600)
"""Seconds; +30 is likelier, like a host whose clock is corrected again and again."""
LONGER_THAN_A_LEASE = (17.0, 25.0)


@dataclass(frozen=True)
class Harm:
    """A harm with its weight in the random choice."""

    do: Callable[["Fleet", random.Random], str]
    weight: int
    needs: str = ""
    """A required feature of the fleet: `celery` or `disk`."""

    @property
    def name(self) -> str:
        return self.do.__name__


def restart_postgres(fleet: "Fleet", rng: random.Random) -> str:
    return stopped(fleet, rng.uniform(0.0, 1.5))


def stop_postgres(fleet: "Fleet", rng: random.Random) -> str:
    """Stop PostgreSQL for longer than a lease, as an upgrade does."""
    return stopped(fleet, rng.uniform(20.0, 60.0))


def stopped(fleet: "Fleet", seconds: float) -> str:
    fleet.postgres.stop()
    fleet.keep_for(seconds)
    fleet.postgres.start()
    return f"PostgreSQL away for {seconds:.1f} s"


def silence_all(fleet: "Fleet", rng: random.Random) -> str:
    """The network to PostgreSQL drops everything, for all machines."""
    return silent(fleet, rng, [host.name for host in fleet.hosts], rng.uniform(8.0, 40.0))


def silence_machine(fleet: "Fleet", rng: random.Random) -> str:
    """The network of one machine drops everything."""
    return silent(fleet, rng, [rng.choice(fleet.workers).name], rng.uniform(8.0, 40.0))


def silent(fleet: "Fleet", rng: random.Random, names: Collection[str], seconds: float) -> str:
    """Stop forwarding for some seconds; then forward what was sent, or reset the connections."""
    fleet.wires.silence(names)
    fleet.keep_for(seconds)
    late = rng.random() < 0.5
    (fleet.wires.speak if late else fleet.wires.drop)(names)
    return f"{' '.join(names)} silent for {seconds:.1f} s, then {'late' if late else 'reset'}"


def cut_commits(fleet: "Fleet", rng: random.Random) -> str:
    """The server commits, but its response is lost with the connection."""
    before = fleet.wires.cuts
    fleet.wires.lose(rng.uniform(0.1, 0.5))
    fleet.keep_for(rng.uniform(3.0, 8.0))
    fleet.wires.lose(0.0)
    return f"{fleet.wires.cuts - before} answers lost after COMMIT"


def step_clock(fleet: "Fleet", rng: random.Random) -> str:
    """Step the server's clock, often enough for four steps of +30 s to hit one session."""
    steps = [rng.choice(CLOCK_STEPS) for _ in range(rng.randint(1, 4))]
    for seconds in steps:
        fleet.clock.step(seconds)
        fleet.keep_for(rng.uniform(0.5, 3.0))
    return f"the clock ({fleet.clock.how}) stepped by {' '.join(f'{s:+d}' for s in steps)} s"


def fill_disk(fleet: "Fleet", rng: random.Random) -> str:
    """Fill the server's disk. If its WAL needs space too, the server ends and is restarted after the harm."""
    seconds = rng.uniform(12.0, 25.0)
    log_too = rng.random() < 0.5
    end = time.monotonic() + seconds
    refused = 0
    while time.monotonic() < end:
        fleet.disk.fill()
        try:
            with psycopg.connect(fleet.postgres.url(), autocommit=True, connect_timeout=2) as connection:
                if log_too:
                    connection.execute("SELECT pg_logical_emit_message(false, '', 'x'), pg_switch_wal()")
                connection.execute("CREATE TEMP TABLE probe AS SELECT generate_series(1, 10000)")
        except psycopg.OperationalError:
            refused += 1
        fleet.keep_for(0.5)
    fleet.disk.free()
    ended = fleet.postgres.keep()
    end_of_it = ", which ended PostgreSQL" if ended else ""
    return f"disk full for {seconds:.1f} s, {refused} writes refused{end_of_it}"


def freeze_workers(fleet: "Fleet", rng: random.Random) -> str:
    """Freeze some worker processes, not their supervisors."""
    pids = [pid for host in fleet.workers for pid in host.workers()]
    chosen = rng.sample(pids, min(len(pids), rng.randint(1, 2)))
    for pid in chosen:
        signalled(pid, signal.SIGSTOP)
    return thawed(fleet, rng, chosen)


def freeze_machine(fleet: "Fleet", rng: random.Random) -> str:
    """Freeze a machine, as a hypervisor does when it migrates it."""
    return thawed(fleet, rng, rng.choice(fleet.workers).freeze())


def thawed(fleet: "Fleet", rng: random.Random, pids: Collection[int]) -> str:
    seconds = rng.uniform(*LONGER_THAN_A_LEASE)
    try:
        fleet.keep_for(seconds)
    finally:
        for pid in pids:
            signalled(pid, signal.SIGCONT)
    return f"{len(pids)} process(es) frozen for {seconds:.1f} s"


def signalled(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def kill_backends(fleet: "Fleet", _rng: random.Random) -> str:
    with psycopg.connect(fleet.postgres.url(), autocommit=True) as connection:
        killed = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        return f"{killed.rowcount} backends killed"


def kill_redis(fleet: "Fleet", rng: random.Random) -> str:
    seconds = rng.uniform(0.0, 1.5)
    fleet.redis.stop()
    time.sleep(seconds)
    fleet.redis.start()
    return f"Redis killed, away for {seconds:.1f} s"


def flush_redis(fleet: "Fleet", _rng: random.Random) -> str:
    fleet.redis.ask("FLUSHALL")
    return "Redis flushed"


def kill_worker_process(fleet: "Fleet", rng: random.Random) -> str:
    pids = rng.choice(fleet.workers).workers()
    for pid in rng.sample(pids, min(1, len(pids))):
        fleet.killed.add(pid)
        signalled(pid, signal.SIGKILL)
    return "a worker process killed"


def lose_a_machine(fleet: "Fleet", rng: random.Random) -> str:
    host = rng.choice(fleet.workers)
    fleet.killed.update(host.kill())
    host.start()
    return f"{host.name} lost"


def deploy_an_api(fleet: "Fleet", rng: random.Random) -> str:
    api = rng.choice(fleet.apis)
    api.stop()
    api.start()
    return f"{api.name} deployed"


def lose_messages(fleet: "Fleet", _rng: random.Random) -> str:
    fleet.redis.ask("DEL", "analysis")
    return "the broker's messages lost"


def triple_messages(fleet: "Fleet", _rng: random.Random) -> str:
    """Deliver each message in the broker's queue three times."""
    script = (
        "local m = redis.call('LRANGE', 'analysis', 0, -1) "
        "for i = 1, 2 do for _, x in ipairs(m) do redis.call('LPUSH', 'analysis', x) end end return #m"
    )
    with redis.Redis.from_url(fleet.redis.url) as client:
        client.eval(script, 0)
    return "the broker's messages tripled"


HARMS = (
    Harm(restart_postgres, 1),
    Harm(stop_postgres, 2),
    Harm(silence_all, 2),
    Harm(silence_machine, 2),
    Harm(cut_commits, 3),
    Harm(step_clock, 3),
    Harm(fill_disk, 2, needs="disk"),
    Harm(freeze_workers, 3),
    Harm(freeze_machine, 2),
    Harm(kill_backends, 3),
    Harm(kill_redis, 2),
    Harm(flush_redis, 2),
    Harm(kill_worker_process, 3),
    Harm(lose_a_machine, 1),
    Harm(deploy_an_api, 1),
    Harm(lose_messages, 3, needs="celery"),
    Harm(triple_messages, 3, needs="celery"),
    Harm(exhaust_descriptors, 3),
    Harm(hold_transaction, 3),
    Harm(two_versions, 2),
)


if __name__ == "__main__":
    print(*(harm.name for harm in HARMS if harm.needs != "celery"))
