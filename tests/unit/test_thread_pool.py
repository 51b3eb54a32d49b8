"""The thread pool of an event loop: contexts, limits and shutdown."""

import threading

import pytest

from outlast.running.threads import ContextThreadPool

PATIENCE = 20.0


def threads_of(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(f"{name}_")]


def test_every_thread_ends_after_a_shutdown_once_queued_work_has_run():
    pool = ContextThreadPool(2, "ending")
    begun, gate = threading.Semaphore(0), threading.Event()

    def work() -> None:
        begun.release()
        gate.wait(PATIENCE)

    done = [pool.submit(work) for _ in range(2)]
    assert all(begun.acquire(timeout=PATIENCE) for _ in range(2))
    waiting = pool.submit(int)
    threads = threads_of("ending")
    assert len(threads) == 2
    pool.shutdown()
    gate.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert all(future.done() for future in [*done, waiting])


def test_a_thread_that_is_idle_is_used_again_and_no_more_are_started_than_allowed():
    pool = ContextThreadPool(3, "reused")
    for _ in range(20):
        assert pool.submit(lambda: 7).result(PATIENCE) == 7
    begun, gate = threading.Semaphore(0), threading.Event()

    def work() -> None:
        begun.release()
        gate.wait(PATIENCE)

    done = [pool.submit(work) for _ in range(9)]
    assert all(begun.acquire(timeout=PATIENCE) for _ in range(3))
    assert len(threads_of("reused")) == 3
    gate.set()
    for future in done:
        future.result(PATIENCE)
    pool.shutdown()


def test_a_pool_refuses_work_after_its_shutdown():
    pool = ContextThreadPool(1, "over")
    pool.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown"):
        pool.submit(int)
