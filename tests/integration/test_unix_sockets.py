"""Unix sockets between processes, and polling of the database as a fallback."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from outlast.backends.clock import SystemClock
from outlast.backends.sqlite.notifier import UnixSocketNotifier
from outlast.backends.sqlite.store import SQLiteStore
from outlast.ports.notifier import Topic
from outlast.testing.acts import start

CHILD = """
import asyncio, sys
from pathlib import Path
from outlast.backends.sqlite.notifier import UnixSocketNotifier
from outlast.ports.notifier import Topic

async def main():
    notifier = UnixSocketNotifier(Path(sys.argv[1]), Path(sys.argv[2]))
    await notifier.open()
    done = asyncio.Event()

    def wait_for(topic, key):
        if key == "end":
            done.set()
        elif key:
            notifier.publish(Topic.CHANGED, [f"{key} heard"])

    await notifier.subscribe([Topic.WAITING], wait_for)
    print("listening", flush=True)
    await done.wait()
    await notifier.close()

asyncio.run(main())
"""


@pytest.fixture
def short():
    """A folder whose path leaves room for a socket's name, as `tmp_path` may not."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.fixture
def folder(short):
    return short / "doorbell"


@pytest.fixture
def database(tmp_path):
    return tmp_path / "outlast.db"


@pytest.fixture
async def notifier(folder, database):
    notifier = UnixSocketNotifier(folder, database)
    await notifier.open()
    yield notifier
    await notifier.close()


@pytest.fixture
async def store(database):
    store = SQLiteStore(database, SystemClock())
    await store.open(migrate=True)
    yield store
    await store.close()


@pytest.fixture
async def child(folder, database):
    """Another process, listening for what waits, and answering with what changed."""
    arguments = [sys.executable, "-c", CHILD, str(folder), str(database)]
    process = await asyncio.to_thread(subprocess.Popen, arguments, stdout=subprocess.PIPE, text=True)
    assert await asyncio.to_thread(process.stdout.readline) == "listening\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


class RecordingListener:
    def __init__(self):
        self.hints = asyncio.Queue()

    def __call__(self, topic, key):
        self.hints.put_nowait((topic, key))

    async def next(self):
        async with asyncio.timeout(20):
            return await self.hints.get()

    def heard(self):
        return [self.hints.get_nowait() for _ in range(self.hints.qsize())]


@pytest.mark.slow
async def test_a_hint_goes_to_another_process_and_its_answer_comes_back(notifier, child):
    listener = RecordingListener()
    await notifier.subscribe([Topic.CHANGED], listener)
    for n in range(50):
        notifier.publish(Topic.WAITING, [f"hint {n}"])
        assert await listener.next() == (Topic.CHANGED, f"hint {n} heard")
    notifier.publish(Topic.WAITING, ["end"])
    assert await asyncio.to_thread(child.wait, 20) == 0


@pytest.mark.slow
async def test_the_socket_of_a_killed_process_is_removed_by_the_next_sender(notifier, child, folder):
    assert len(list(folder.iterdir())) == 1
    child.send_signal(signal.SIGKILL)
    await asyncio.to_thread(child.wait, 20)
    notifier.publish(Topic.WAITING, ["anybody"])
    assert list(folder.iterdir()) == []


@pytest.mark.slow
async def test_opening_sweeps_what_the_dead_left_behind(child, folder, database):
    child.send_signal(signal.SIGKILL)
    await asyncio.to_thread(child.wait, 20)
    later = UnixSocketNotifier(folder, database)
    await later.open()
    assert list(folder.iterdir()) == []
    await later.close()


async def test_sockets_are_private_and_leave_with_their_listeners(notifier, folder):
    subscription = await notifier.subscribe([Topic.CHANGED], RecordingListener())
    (file,) = folder.iterdir()
    assert stat.S_ISSOCK(file.stat().st_mode)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    await subscription.close()
    assert list(folder.iterdir()) == []


async def test_the_name_of_the_socket_follows_what_is_listened_for(notifier, folder, database):
    other = UnixSocketNotifier(folder, database)
    await other.open()
    cancels, changes = RecordingListener(), RecordingListener()
    await notifier.subscribe([Topic.CANCEL], cancels)
    other.publish(Topic.CHANGED, ["too early"])
    later = await notifier.subscribe([Topic.CHANGED], changes)
    other.publish(Topic.CHANGED, ["now"])
    assert await changes.next() == (Topic.CHANGED, "now")
    await later.close()
    other.publish(Topic.CHANGED, ["too late"])
    other.publish(Topic.CANCEL, ["still"])
    assert await cancels.next() == (Topic.CANCEL, "still")
    assert changes.heard() == []
    assert [file.name.partition(".")[0] for file in folder.iterdir()] == ["c"]
    await other.close()


async def test_a_folder_too_deep_for_a_socket_is_replaced_by_a_private_one(short, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    deep = tmp_path / ("d" * 100) / ("e" * 100) / "doorbell"
    both = [UnixSocketNotifier(deep, tmp_path / "outlast.db") for _ in range(2)]
    for notifier in both:
        await notifier.open()
    listener = RecordingListener()
    await both[0].subscribe([Topic.CHANGED], listener)
    (private,) = short.iterdir()
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    both[1].publish(Topic.CHANGED, ["from afar"])
    assert await listener.next() == (Topic.CHANGED, "from afar")
    for notifier in both:
        await notifier.close()
    assert list(short.iterdir()) == []


@pytest.mark.slow
async def test_what_a_killed_process_left_in_the_temporary_folder_goes_with_the_next_one(
    short, monkeypatch, tmp_path
):
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    deep = [tmp_path / (letter * 100) / "doorbell" for letter in "de"]
    arguments = [sys.executable, "-c", CHILD, str(deep[0]), str(tmp_path / "outlast.db")]
    environment = os.environ | {"TMPDIR": str(short)}

    def leave():
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout.readline() == "listening\n"
            process.kill()

    async def come_and_go(folder):
        notifier = UnixSocketNotifier(folder, tmp_path / "outlast.db")
        await notifier.open()
        await notifier.close()

    await asyncio.to_thread(leave)
    (left,) = short.iterdir()
    assert len(list(left.iterdir())) == 1
    await come_and_go(deep[0])
    assert list(short.iterdir()) == []
    await asyncio.to_thread(leave)
    os.utime(left, (0, 0))
    await come_and_go(deep[1])
    assert list(short.iterdir()) == []


async def test_a_folder_in_the_temporary_one_goes_with_the_last_listener(short, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    notifier = UnixSocketNotifier(tmp_path / ("d" * 100) / "doorbell", tmp_path / "outlast.db")
    await notifier.open()
    listening, ending, gone = asyncio.Event(), threading.Event(), asyncio.Event()
    here = asyncio.get_running_loop()

    async def elsewhere():
        await notifier.subscribe([Topic.CHANGED], RecordingListener())
        here.call_soon_threadsafe(listening.set)
        ending.wait()
        await asyncio.sleep(0)  # its listener is closed in this turn
        here.call_soon_threadsafe(gone.set)

    thread = threading.Thread(target=asyncio.run, args=(elsewhere(),))
    thread.start()
    await listening.wait()
    await notifier.close()
    ending.set()
    await gone.wait()
    thread.join()
    assert list(short.iterdir()) == []


async def test_a_folder_that_others_may_write_to_is_not_used(short, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(short))
    notifier = UnixSocketNotifier(tmp_path / ("d" * 100) / "doorbell", tmp_path / "outlast.db")
    await notifier.open()
    (private,) = short.iterdir()
    private.chmod(0o777)
    await notifier.subscribe([Topic.CHANGED], RecordingListener())
    assert list(private.iterdir()) == []
    await notifier.close()


@pytest.mark.slow
async def test_without_sockets_a_database_change_arrives_as_a_hint_without_keys(folder, database, store):
    folder.write_text("a file where the folder should be")
    notifier = UnixSocketNotifier(folder, database)
    await notifier.open()
    listener = RecordingListener()
    await notifier.subscribe([Topic.WAITING], listener)
    await start(store)
    assert await listener.next() == (Topic.WAITING, "")
    await notifier.close()


@pytest.mark.slow
async def test_a_change_without_a_message_arrives_as_a_hint_without_keys(notifier, store):
    listener = RecordingListener()
    await notifier.subscribe([Topic.WAITING], listener)
    await start(store)
    assert await listener.next() == (Topic.WAITING, "")


async def test_a_change_with_its_message_is_notified_once(notifier, store, folder, database):
    other_process = UnixSocketNotifier(folder, database)
    await other_process.open()
    listener = RecordingListener()
    await notifier.subscribe([Topic.WAITING], listener)
    (inner,) = notifier._by_loop.values()
    for publisher in (other_process, notifier):
        await start(store)
        inner._poll()  # it looks between the change and the bell
        publisher.publish(Topic.WAITING, ["analysis"])
        assert await listener.next() == (Topic.WAITING, "analysis")
        for _ in range(3):
            inner._poll()
        assert listener.heard() == []
    await other_process.close()


async def test_a_busy_loop_receives_every_key_or_a_hint_without_keys(notifier, folder, database):
    other_process = UnixSocketNotifier(folder, database)
    await other_process.open()
    listener = RecordingListener()
    await notifier.subscribe([Topic.CHANGED], listener)
    for n in range(500):  # nobody reads meanwhile, and the socket holds only a few
        other_process.publish(Topic.CHANGED, [str(n)])
    missing = {str(n) for n in range(500)}
    while missing:
        _, key = await listener.next()
        missing = missing - {key} if key else set()
    await other_process.close()
