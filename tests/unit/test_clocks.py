"""The system clock, and the fake clock of tests."""

import asyncio
import errno
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from outlast.backends import clock as machine
from outlast.backends.clock import SystemClock
from outlast.domain.errors import MachineUnknown
from outlast.testing.clock import FakeClock

PATIENCE = 20.0


def test_the_machines_wall_clock_is_aware_and_utc():
    before, now, after = datetime.now(UTC), SystemClock().now(), datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)
    assert before <= now <= after


@pytest.mark.slow
def test_the_machines_monotonic_clock_and_boot_are_those_of_other_processes_too():
    program = "from outlast.backends.clock import SystemClock as C; print(C().monotonic(), C().boot_id())"
    before = SystemClock().monotonic()
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    elsewhere, boot_id = said.split()
    assert before <= float(elsewhere) <= SystemClock().monotonic()
    assert boot_id == SystemClock().boot_id()


def test_a_machine_without_boot_ids_gets_a_boot_id_anyway(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "BOOT_ID", tmp_path / "missing")
    assert SystemClock().boot_id() == machine.UNKNOWN_BOOT


def test_a_boot_is_named_also_where_namespaces_are_hidden(monkeypatch, tmp_path):
    boot = tmp_path / "boot_id"
    boot.write_text("b-1\n")
    monkeypatch.setattr(machine, "BOOT_ID", boot)
    monkeypatch.setattr(machine, "TIME_NAMESPACE", tmp_path / "missing")
    assert SystemClock().boot_id() == "b-1"


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "Too many open files"), PermissionError("not for you")])
@pytest.mark.parametrize("hidden", ["boot", "namespace"])
def test_a_boot_whose_name_cannot_be_read_stops_the_start_with_a_sentence(error, hidden):
    class Hidden(type(Path())):
        def read_text(self, **_):
            raise error

        def stat(self, **_):
            raise error

    boot = Hidden("boot_id") if hidden == "boot" else machine.BOOT_ID
    with pytest.raises(MachineUnknown, match="cannot be read"):
        machine._boot_id(boot, Hidden("time"))


def test_the_boot_id_is_read_once_and_cached(monkeypatch, tmp_path):
    boot, namespace = tmp_path / "boot_id", tmp_path / "time"
    boot.write_text("b-2\n")
    monkeypatch.setattr(machine, "BOOT_ID", boot)
    monkeypatch.setattr(machine, "TIME_NAMESPACE", namespace)
    clock = SystemClock()
    boot.unlink()
    assert (clock.boot_id(), SystemClock().boot_id()) == ("b-2", "b-2")


async def test_the_machines_sleep_ends():
    async with asyncio.timeout(PATIENCE):
        await SystemClock().sleep(0.001)


def test_the_fake_clock_stands_still_until_moved_and_then_both_clocks_go_on():
    clock = FakeClock()
    now, monotonic = clock.now(), clock.monotonic()
    assert (clock.now(), clock.monotonic()) == (now, monotonic)
    clock.advance(2.5)
    assert (clock.now() - now, clock.monotonic() - monotonic) == (timedelta(seconds=2.5), 2.5)


def test_the_fake_clocks_jump_apart():
    clock = FakeClock()
    now, monotonic, boot = clock.now(), clock.monotonic(), clock.boot_id()
    clock.jump_wall(-3_600)
    assert (clock.now(), clock.monotonic()) == (now - timedelta(hours=1), monotonic)
    clock.jump_monotonic(7)
    assert (clock.now(), clock.monotonic()) == (now - timedelta(hours=1), monotonic + 7)
    with pytest.raises(ValueError, match="does not go back"):
        clock.jump_monotonic(-1)
    clock.reboot()
    assert clock.monotonic() < monotonic
    assert clock.boot_id() != boot


async def test_a_sleeper_wakes_when_the_monotonic_clock_has_gone_far_enough_and_not_before():
    clock = FakeClock()
    sleeper = asyncio.create_task(clock.sleep(10))
    async with asyncio.timeout(PATIENCE):
        await clock.asleep()
    clock.jump_wall(3_600)
    clock.advance(9.5)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(0.5)
    async with asyncio.timeout(PATIENCE):
        await sleeper


async def test_to_sleep_for_no_time_only_lets_others_go_first():
    async with asyncio.timeout(PATIENCE):
        await FakeClock().sleep(0)


async def test_a_test_waits_until_so_many_sleep():
    clock = FakeClock()
    enough = asyncio.create_task(clock.asleep(2))
    sleepers = [asyncio.create_task(clock.sleep(1))]
    async with asyncio.timeout(PATIENCE):
        await clock.asleep(1)
    assert not enough.done()
    sleepers.append(asyncio.create_task(clock.sleep(5)))
    async with asyncio.timeout(PATIENCE):
        await enough
    clock.advance(5)
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*sleepers)


async def test_a_sleeper_that_was_cancelled_does_not_count_nor_wake():
    clock = FakeClock()
    sleeper = asyncio.create_task(clock.sleep(1))
    async with asyncio.timeout(PATIENCE):
        await clock.asleep()
    sleeper.cancel()
    await asyncio.wait({sleeper})
    watcher = asyncio.create_task(clock.asleep())
    await asyncio.sleep(0)
    assert not watcher.done()
    watcher.cancel()
    clock.advance(2)


async def test_a_sleeper_in_another_threads_loop_is_woken_from_here():
    clock = FakeClock()
    sleeping = asyncio.create_task(asyncio.to_thread(asyncio.run, clock.sleep(60)))
    async with asyncio.timeout(PATIENCE):
        await clock.asleep()
    clock.advance(60)
    async with asyncio.timeout(PATIENCE):
        await sleeping


@pytest.mark.slow
def test_a_process_that_sees_no_others_shares_the_clock_all_the_same():
    """Containers on one machine have process namespaces of their own and one monotonic clock."""
    program = "from outlast.backends.clock import SystemClock as C; print(C().boot_id())"
    command = ["unshare", "--user", "--map-root-user", "--pid", "--fork", sys.executable, "-c", program]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode and "unshare" in said.stderr:
        pytest.skip(f"This machine forbids namespaces: {said.stderr.strip()}")
    assert said.stdout.strip() == SystemClock().boot_id()
