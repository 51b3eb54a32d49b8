"""`outlast store backup` and `restore`: one moment of a store in one file, checked, and back again."""

import asyncio
import json
import sqlite3
import stat
import threading
from contextlib import ExitStack, closing

import pytest
from click.testing import CliRunner
from copied_stores import CopiedStore, everything, move

from outlast.cli.backups import BackupError, back_up_store, restore_store
from outlast.cli.main import outlast
from outlast.domain.errors import StoreUnavailable
from outlast.domain.status import Status
from outlast.settings import Settings, setting_names
from outlast.testing.acts import register_worker, start
from outlast.testing.states import STATES
from servers import fresh_database

KEY = "k3y" * 12


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def open_side(tmp_path, request):
    """Settings and store of a new database."""
    with ExitStack() as stack:
        if "postgres" in request.node.name:  # before a test's event loop runs
            server, template = map(request.getfixturevalue, ("postgres_server", "migrated_database"))

        def make(kind, name):
            url = f"sqlite:///{tmp_path}/{name}.db"
            if kind == "postgres":
                url = stack.enter_context(fresh_database(server, template))
            settings = Settings(database_url=url, data_dir=tmp_path / name, app_key=KEY)
            return settings, CopiedStore(url).store

        yield make


@pytest.fixture
async def site(open_side):
    """A store with sessions in every state, open in this process."""
    settings, store = open_side("sqlite", "site")
    await store.open(migrate=True)
    for reach in STATES.values():
        await reach(store)
    yield settings, store
    await store.close()


def quiet(*_):
    """Report nothing."""


def back_up(settings, target, keep=None):
    return back_up_store(settings, target, keep, quiet)


async def restored(backup, settings, *, replace=False):
    return await asyncio.to_thread(restore_store, backup, settings, replace=replace, report=quiet)


def slow(*kinds):
    return pytest.param(*kinds, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("source", "target"), [("sqlite", "sqlite"), slow("postgres", "sqlite"), slow("sqlite", "postgres")]
)
async def test_a_backup_brings_every_state_back(open_side, tmp_path, source, target):
    settings, store = open_side(source, "site")
    await store.open(migrate=True)
    for reach in STATES.values():
        await reach(store)
    before = await everything(store)
    done = await asyncio.to_thread(back_up, settings, tmp_path / "backup")
    assert (done.sessions, done.path, done.key) == (len(before), tmp_path / "backup", None)
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".", "backup-"))]
    assert await everything(store) == before
    await store.close()
    content = done.path.read_bytes()
    there, target_store = open_side(target, "restored")
    copied = await restored(done.path, there)
    assert done.path.read_bytes() == content
    await target_store.open(migrate=False)
    after = await everything(target_store)
    await target_store.close()
    running = {one for one, (session, *_) in before.items() if session.status is Status.PROCESSING}
    assert copied.given_back == (0 if source == "postgres" else len(running))  # its copy has given them back
    assert {one: all_ for one, all_ in after.items() if all_[0].status.final and one not in running} == {
        one: all_ for one, all_ in before.items() if all_[0].status.final
    }
    assert {after[one][0].status for one in running} <= {Status.PENDING, Status.CANCELLED}
    assert all(after[one][0].attempt <= before[one][0].attempt for one in running)


async def test_a_backup_is_one_moment_while_others_write(site, tmp_path):
    settings, store = site
    writing, written = threading.Event(), 0

    async def write():
        nonlocal written
        while not writing.is_set():
            await start(store, subject=f"subject {written}", input=json.dumps({"x": "y" * 2_000}))
            written += 1

    before = sum((await store.count()).values())
    writer = asyncio.create_task(write())
    while written < 20:  # noqa: ASYNC110 - a count, for which no event exists
        await asyncio.sleep(0.001)
    seen = []

    def report(what, done, total):
        seen.append((written, total))
        while not writing.is_set() and written < seen[0][0] + 20:  # the writer gets on during the copy
            threading.Event().wait(0.001)

    done = await asyncio.to_thread(back_up_store, settings, tmp_path / "backup", None, report)
    writing.set()
    await writer
    assert before + 20 <= done.sessions <= before + seen[0][0] + 1 < before + written
    with closing(sqlite3.connect(tmp_path / "backup")) as copy:
        assert copy.execute("SELECT count(*) FROM analysis_sessions").fetchone() == (done.sessions,)
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)


async def test_what_is_no_store_is_refused_and_leaves_nothing(site, tmp_path, open_side):
    settings, _ = site

    def refusal(settings, target=tmp_path / "backup"):
        with pytest.raises((BackupError, StoreUnavailable)) as raised:
            back_up(settings, target)
        return str(raised.value)

    there = set(tmp_path.iterdir())
    assert "There is no store at" in refusal(Settings(data_dir=tmp_path / "elsewhere"))
    empty, opened = open_side("sqlite", "empty")
    await opened.open(migrate=True)
    assert "holds no session" in await asyncio.to_thread(refusal, empty)
    await opened.close()
    foreign = tmp_path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as other:
        other.execute("CREATE TABLE songs (title)")
    content = foreign.read_bytes()
    assert "is not a store of Outlast" in refusal(Settings(database_url=f"sqlite:///{foreign}"))
    assert foreign.read_bytes() == content
    (tmp_path / "backup").write_text("another file")
    assert "exists already" in refusal(settings)
    assert (tmp_path / "backup").read_text() == "another file"
    assert "cannot be written" in refusal(settings, tmp_path / "no" / "folder")
    assert {path.name for path in set(tmp_path.iterdir()) - there} == {
        "empty.db",
        "empty.db-reserve",
        "foreign.db",
        "backup",
    }


@pytest.mark.slow
async def test_a_store_that_has_moved_is_backed_up_where_it_is_now(site, tmp_path, open_side):
    settings, _ = site
    _, target = open_side("sqlite", "moved")
    await target.open(migrate=True)
    await asyncio.to_thread(
        move, CopiedStore(settings.database_url), CopiedStore(f"sqlite:///{tmp_path}/moved.db"), to="elsewhere"
    )
    await target.close()
    with pytest.raises(BackupError, match="moved to elsewhere"):
        back_up(settings, tmp_path / "backup")


@pytest.mark.slow
async def test_a_restoration_deletes_nothing_unless_it_is_told(site, tmp_path, open_side):
    settings, _ = site
    back_up(settings, tmp_path / "backup")
    other, there = open_side("sqlite", "other")
    await there.open(migrate=True)
    kept = await start(there)
    with pytest.raises(BackupError, match="holds 1 session"):
        await restored(tmp_path / "backup", other)
    register_worker(there)
    with pytest.raises(BackupError, match="1 worker"):
        await restored(tmp_path / "backup", other, replace=True)
    assert set(await everything(there)) == {kept.id}
    await there.close()


async def test_a_damaged_backup_is_not_restored(site, tmp_path):
    settings, _ = site
    back_up(settings, tmp_path / "backup")
    content = bytearray((tmp_path / "backup").read_bytes())
    content[8192:12288] = bytes(4096)
    (tmp_path / "backup").write_bytes(content)
    with pytest.raises(BackupError, match=r"damaged|not a store"):
        await restored(tmp_path / "backup", Settings(data_dir=tmp_path / "new"))
    assert not (tmp_path / "new").exists()


def command(*arguments, code=0):
    answer = CliRunner().invoke(outlast, ["store", *arguments], standalone_mode=False)
    found = getattr(answer.exception, "exit_code", 0 if answer.exception is None else None)
    assert found == code, (answer.output, answer.exception)
    return answer.stdout


@pytest.mark.slow
async def test_the_commands_keep_some_and_bring_the_key_along(site, tmp_path, monkeypatch):
    settings, _ = site
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(tmp_path / "site"))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "app.key").write_text(KEY)
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(1, 6):
        for suffix in ("", ".key"):
            (folder / f"outlast-2026010{day}T023000Z.db{suffix}").touch()
    (folder / "notes.txt").touch()
    told = json.loads(command("backup", f"{folder}/", "--keep", "3", "--json"))
    assert told["sessions"] == len(STATES)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [
            *(f"outlast-2026010{day}T023000Z.db{suffix}" for day in (4, 5) for suffix in ("", ".key")),
            "notes.txt",
            *(told["path"].rpartition("/")[2] + suffix for suffix in ("", ".key")),
        ]
    )
    in_new_folder = json.loads(command("backup", f"{tmp_path}/new/", "--json"))  # the slash alone makes it one
    assert in_new_folder["path"].startswith(f"{tmp_path}/new/outlast-")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///nothing.db")
    command("backup", f"{folder}/", "--keep", "1", code=2)
    assert len(list(folder.glob("*.db"))) == 3  # a failed backup deletes none
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setenv("ANALYSIS_DATA_DIR", str(tmp_path / "new"))
    sentence = await asyncio.to_thread(command, "restore", told["path"])
    assert f"Restored {len(STATES)} sessions" in sentence
    key = tmp_path / "new" / "app.key"
    assert (key.read_text(), stat.S_IMODE(key.stat().st_mode)) == (KEY, 0o600)
    await asyncio.to_thread(lambda: command("restore", told["path"], code=2))
    await asyncio.to_thread(command, "restore", told["path"], "--replace")
