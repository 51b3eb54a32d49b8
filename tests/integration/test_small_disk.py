"""A disk that fills up: starts and uploads are refused in time, the rest goes on, and a clean-up works."""

import asyncio
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import suppress
from pathlib import Path

import pytest
from edge_site import OpenSite, open_site, until

from outlast.core import quota

DISK = 24
"""MiB."""


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}m,mode=755", "outlast-test", str(folder)]
    with suppress(OSError):
        if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
            yield folder
            subprocess.run(["umount", "-l", str(folder)], check=True)
            return
    pytest.skip("this user may not mount a small disk")


def fill(disk: Path, *, leaving: int = 0) -> None:
    with suppress(OSError), (disk / "ballast").open("ab", buffering=0) as ballast:
        while (left := shutil.disk_usage(disk).free - leaving) > 0:
            ballast.write(bytes(min(left, 65_536)))


@pytest.fixture
async def site(disk: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[OpenSite]:
    monkeypatch.setattr(quota, "SPACE_CACHED_FOR", 0.0)
    async with open_site(disk / "data", min_free_mb=4) as site:
        yield site


@pytest.mark.slow
async def test_below_the_floor_starts_and_uploads_are_refused_and_all_else_goes_on(site: OpenSite, disk: Path):
    visitor = await site.visitor()
    session_id = await visitor.started("echo", text="a")
    other = await visitor.started("held", text="b")
    source = (await visitor.upload(b"some reviews")).json()["source"]
    fill(disk, leaving=3_500_000)
    for refused in (
        await visitor.start("echo", text="new"),
        await visitor.start("product", source=source),
        await visitor.upload(b"other reviews"),
        await visitor.upload(secrets.token_bytes(1_500_000)),
        await visitor.post("/", data={"csrf_token": visitor.token, "analysis": "echo", "text": "new"}),
    ):
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert "disk of this site is almost full" in refused.text
    again = await visitor.start("echo", text="a")
    assert (again.status_code, again.json()["session_id"]) == (202, session_id)
    assert (await visitor.delete(f"/api/analysis/cancel/{other}")).status_code == 200
    async with site.working():
        assert (await visitor.finished(session_id))["status"] == "completed"
    assert (await visitor.post(f"/api/analysis/retry/{other}")).status_code == 202
    (disk / "ballast").unlink()
    assert (await visitor.start("echo", text="new")).status_code == 202


@pytest.mark.slow
async def test_space_freed_by_a_cleanup_is_used_again(site: OpenSite, disk: Path):
    visitor = await site.visitor()
    for _ in range(3):
        assert (await visitor.upload(secrets.token_bytes(1_000_000))).status_code == 200
    fill(disk, leaving=3_500_000)
    assert not site.engine.sessions.quota.has_space
    now = site.engine.clock.now()
    pruned = await site.engine.store.prune(
        sessions_before=now, results_before=now, uploads_before=now, dry_run=False
    )
    assert pruned.uploads == 3
    assert (await visitor.start("echo", text="new")).status_code == 202


@pytest.mark.slow
async def test_a_clean_up_works_on_a_disk_that_was_full_before_it_began(disk: Path):
    async with open_site(disk / "data", min_free_mb=0) as site:
        visitor = await site.visitor()
        done = [await visitor.started("echo", text=str(n)) for n in range(3)]
        assert (await visitor.upload(secrets.token_bytes(1_000_000))).status_code == 200
        for session_id in done:
            await visitor.delete(f"/api/analysis/cancel/{session_id}")

        async def ended() -> bool:
            return all([(await visitor.snapshot(i))["status"] == "cancelled" for i in done])

        await until(ended)
    fill(disk)
    assert shutil.disk_usage(disk).free == 0
    environment = {
        "ANALYSIS_DATA_DIR": str(disk / "data"),
        "ANALYSIS_UPLOAD_RETENTION_HOURS": "0.0000001",
        "ANALYSIS_MIN_FREE_MB": "4",
    }
    command = [sys.executable, "-m", "outlast", "cleanup", "--hours", "0"]
    cleaned = await asyncio.to_thread(
        subprocess.run,
        command,
        env=os.environ | environment,
        cwd=disk.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (cleaned.returncode, cleaned.stderr) == (0, "")
    assert cleaned.stdout == "Deleted 3 session(s), 0 result(s), 1 upload(s), 0 fact(s).\n"


@pytest.mark.slow
async def test_one_owners_uploads_end_at_the_quota(tmp_path: Path):
    async with open_site(tmp_path, max_stored_mb_per_owner=2.5, max_stored_mb=5) as site:
        visitor = await site.visitor()
        answers = [await visitor.upload(secrets.token_bytes(1_000_000)) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 507, 507]
        assert "at most 2.5 MB are kept for one visitor" in answers[-1].json()["error"]
        assert (await visitor.started("echo", text="a")) is not None
        for _ in range(3):
            other = await site.visitor()
            last = [(await other.upload(secrets.token_bytes(1_000_000))).status_code for _ in range(2)]
        assert last == [507, 507]
        assert await site.engine.store.stored_bytes(None) <= 5_000_000


async def test_a_large_body_is_refused_before_it_is_read_where_it_would_exceed_the_quota(tmp_path: Path):
    async with open_site(tmp_path, max_stored_mb_per_owner=2.5) as site:
        visitor = await site.visitor()
        sent = 0

        async def body():
            nonlocal sent
            for _ in range(40):
                sent += 100_000
                yield bytes(100_000)

        kind = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": "4000000"}
        answer = await visitor.post("/api/analysis/upload", content=body(), headers=kind)
        assert answer.status_code == 507
        assert sent <= 100_000
