"""What the commands `outlast workers ...` wait for while other things happen to the workers."""

import types

import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.memory.notifier import MemoryNotifier
from outlast.backends.memory.store import MemoryStore
from outlast.cli.worker_commands import WorkerRequest
from outlast.domain.worker_control import WorkerCommand, WorkerKind, WorkerState
from outlast.ports.workers import WorkerReport
from outlast.testing.acts import claim_session, register_worker, start


async def test_a_restart_skips_workers_that_autoscaling_ends_meanwhile(capsys):
    store = MemoryStore(SystemClock())
    for worker_id in ("w-one", "w-two"):
        register_worker(store, worker_id, kind=WorkerKind.SUPERVISED, supervisor="s")
    asked = store.request

    async def request(ids, command):
        numbers = await asked(ids, command)
        store.lease().renew("w-one", WorkerReport(WorkerState.DRAINING))
        await store.release_worker("w-two")
        return numbers

    store.request = request
    engine = types.SimpleNamespace(store=store, notifier=MemoryNotifier(), clock=SystemClock())
    assert await WorkerRequest(engine, WorkerCommand.RESTART, within=0.5).ask([])
    said = capsys.readouterr().out
    assert "w-one on host (pid 4711) ends without a replacement." in said
    assert "w-two on host (pid 4711) has ended." in said


@pytest.mark.slow
async def test_a_restart_that_waits_for_an_earlier_worker_says_so(capsys):
    store = MemoryStore(SystemClock())
    for worker_id in ("w-new", "w-old"):
        register_worker(store, worker_id, kind=WorkerKind.SUPERVISED, supervisor="s")
    await claim_session(store, (await start(store)).id, "w-old")
    store.lease().renew("w-old", WorkerReport(WorkerState.DRAINING))
    engine = types.SimpleNamespace(store=store, notifier=MemoryNotifier(), clock=SystemClock())
    assert not await WorkerRequest(engine, WorkerCommand.RESTART, within=0.1).ask(["w-new"])
    assert "within 0.1 s: it is replaced when an earlier worker has finished its running sessions (w-old: 1)." in (
        capsys.readouterr().err
    )
    assert not await WorkerRequest(engine, WorkerCommand.PAUSE, within=0.1).ask(["w-new"])
    assert "did not follow within 0.1 s.\n" in capsys.readouterr().err
