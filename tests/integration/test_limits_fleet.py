"""Limits hold across the workers of a store, under load and over a kill."""

import os
import signal
from collections import Counter

import pytest
from processes import Installation, wait_until

pytestmark = pytest.mark.slow

VENDOR, TENANTS, SESSIONS = 20, 30, 240
SOURCE = f"""
import sys
from outlast import Limit

@outlast.analysis("call", limits=[Limit({VENDOR}, per="vendor"), Limit(1, per="tenant")])
async def call(vendor: str, tenant: str, number: int) -> None:
    note("begins", number, tenant, os.getpid(), time.monotonic())
    await asyncio.sleep(0.1)
    if number == 0:
        await until("go")
    note("ends", number, tenant, os.getpid(), time.monotonic())

if __name__ == "__main__" and sys.argv[1:] == ["start"]:
    for number in range({SESSIONS}):
        outlast.sync.start("call", vendor="acme", tenant=f"t{{number % {TENANTS}}}", number=number)
    outlast.sync.close()
"""


@pytest.fixture(params=["sqlite", "postgres"])
def store(request):
    if request.param == "sqlite":
        return {}
    return {"DATABASE_URL": request.getfixturevalue("postgres_url"), "APP_KEY": "k" * 64}


def most_at_once(effects, key):
    """The most attempts with one value of `key` that ran at the same moment, by what they noted themselves.

    The attempts of a killed process end when it was killed, which nothing notes: they count until the next attempt
    of their session begins.
    """
    running, most = {}, Counter()
    for kind, number, tenant, _, at in sorted(effects, key=lambda line: float(line[4])):
        if kind == "begins":
            running[number] = tenant
        else:
            running.pop(number, None)
        counted = Counter(key(tenant) for tenant in running.values())
        for value, count in counted.items():
            most[value] = max(most[value], count)
        assert at
    return most


def test_limits_hold_across_three_workers_and_a_kill_loses_no_permit(tmp_path, store):
    with Installation(tmp_path, SOURCE, ANALYSIS_MAX_PENDING="10000", **store) as installation:
        assert installation.command("migrate").wait(60) == 0
        installation.program("start").output(120)
        fleets = [installation.workers(1, "--concurrency", "50") for _ in range(3)]
        installation.wait_for_effect("begins", count=VENDOR)
        wait_until(lambda: all(fleet.workers for fleet in fleets), 30, "three workers")
        doomed = int(installation.wait_for_effect("begins", "0")[0][3])
        os.kill(doomed, signal.SIGKILL)
        installation.allow("go")
        wait_until(
            lambda: len({line[1] for line in installation.effects("ends")}) == SESSIONS,
            90,
            "the end of all sessions",
        )
        effects = [line for line in installation.effects() if len(line) == 5]
        assert max(most_at_once(effects, lambda tenant: tenant).values()) == 1
        assert max(most_at_once(effects, lambda _: "acme").values()) <= VENDOR
        assert {int(line[3]) for line in effects if line[0] == "ends"} != {doomed}
