"""What a user may write with every public name. Both checkers accept it in strict mode."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, assert_type

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from outlast import (
    AddFiles,
    AnalysisFailed,
    AnalysisHandle,
    AnalysisOptions,
    AnalysisSession,
    AsyncAnalysisHandle,
    BlockingAnalysisHandle,
    CancelAnswer,
    DeleteAnswer,
    Deleted,
    DiskAlmostFull,
    Export,
    Fact,
    Facts,
    InvalidInput,
    Lifespan,
    Limit,
    LinkPreview,
    Outlast,
    OutlastError,
    PageView,
    Permanent,
    Phase,
    Question,
    QueueFull,
    QuotaExceeded,
    RefreshTooSoon,
    RetryAfter,
    RetryAnswer,
    SessionGone,
    SessionHandle,
    SessionView,
    Settings,
    SettingsError,
    StartOptions,
    Status,
    Step,
    StoredResult,
    StoreUnavailable,
    SyncOutlast,
    SyncSession,
    TooLarge,
    TooManyActive,
    Translations,
    UnknownAnalysis,
    Upload,
    message,
    owner,
    plural,
    report,
    step,
    track,
)


class Page(BaseModel):
    address: str
    read_at: datetime


@dataclass(frozen=True)
class Verdict:
    pages: int
    good: bool


async def current_user(request: Request) -> str | None:
    return request.headers.get("x-user")


settings = Settings(data_dir="some/folder", queue_timeout=60, max_pending=1000)
outlast = Outlast(settings, owner=current_user, title="Shop", assets=Path("assets"))
outlast.configure(concurrency=5)
seen: Facts = outlast.facts("seen")


@step("Reading", version=2, weight=3, name="read")
async def read(url: str) -> list[Page]:
    report(0, 2, "Reading")
    for _ in track(range(2), message="Reading"):
        await asyncio.sleep(0)
    await seen.put([Fact(url, "yes", item=owner())], keep=timedelta(days=1))
    return [Page(address=url, read_at=datetime.now(UTC))]


@step("Judging one", key=lambda page, strict=False: (page.address, strict))
async def judge(page: Page, strict: bool = False) -> bool:
    if not page.address:
        raise Permanent("It has no address.")
    if strict:
        raise RetryAfter(30, "Later.")
    return True


@step("Counting")
def count(pages: list[Page]) -> int:
    return len(pages)


@outlast.page("about", title="About", takes_messages=True)
def about(view: PageView) -> str:
    return f'<a href="{view.root}/">Start</a>'


def preview(result: dict[str, str]) -> LinkPreview:
    return LinkPreview("A total", result["total"], picture=lambda: b"")


def total(files: list[Upload], follows: str | None = None) -> int:
    return len(files)


added = AddFiles("files", "Add", hint=about, earlier="follows")
total_handle = outlast.analysis("total", preview=preview, add_files=added)(total)


def show(result: Mapping[str, Any], view: PageView) -> str:
    return f"<p>{view.address} {result}</p>"


async def check(url: str, depth: int = 1) -> None:
    if not url:
        raise InvalidInput("Which?", "/url", questions=[Question("kind", "Which kind?", [("a", "The first")])])


def subject(url: str, depth: int = 1) -> str:
    return f"{url} {depth}"


@outlast.analysis(
    "site",
    title="A site",
    steps=[read, judge, count],
    timeout=300,
    max_attempts=3,
    queue="slow",
    priority=1,
    isolation=None,
    subject=subject,
    intro="<p>Which site?</p>",
    render=show,
    page_title=str,
    exports={"all.json": Export("All", str)},
    limit=Limit(20, per_minute=500),
    check=check,
    longest_wait=3600,
    short_forms={"link": "url"},
)
async def analyse_site(url: str, depth: int = 1) -> Verdict:
    pages = await read(url)
    return Verdict(len(pages), all(await judge.map(pages, at_once=5)))


@outlast.analysis("lines")
def count_lines(file: Upload, *, empty: bool = False) -> int:
    with file.open() as content:
        return sum(1 for line in content if empty or line.strip())


app = Starlette(routes=[Mount("/slow", outlast.asgi())], lifespan=outlast.lifespan(workers=1))

as_any_kind: AnalysisHandle[..., Verdict] = analyse_site
async_kind: AsyncAnalysisHandle[..., Verdict] = analyse_site
blocking: BlockingAnalysisHandle[..., int] = count_lines
a_step: Step[..., int] = count
options = AnalysisOptions(timeout=3)
plain: Callable[..., object] = count_lines


async def use() -> None:
    lifespan: Lifespan = outlast.lifespan()
    async with lifespan:
        session = await analyse_site.options(owner="ada", priority=5).start(url="https://example.org", depth=2)
        assert_type(session, SessionHandle[Verdict])
        assert_type(session.id, str)
        assert_type(session.existing, bool)
        assert_type(await session.result(), Verdict)
        assert_type(await analyse_site.run("https://example.org"), Verdict)
        assert_type(await analyse_site("https://example.org"), Verdict)
        file = await outlast.upload(io.BytesIO(b"one\n"), "one.txt")
        assert_type(await count_lines.run(file=file, empty=True), int)
        assert_type(count_lines(file), int)
        async for view in session:
            assert_type(view, SessionView)
            assert_type(view.session.status, Status)
            assert_type(view.session.phase, Phase)
        assert_type(await session.cancel(), CancelAnswer)
        assert_type(await session.retry(), RetryAnswer)
        assert_type(await session.view(), SessionView)
        await by_name()


async def by_name() -> None:
    wanted: StartOptions = {"owner": "ada"}
    session = await outlast.start("site", owner="ada", url="https://example.org")
    await outlast.handle("site").options(**wanted).start(url="https://example.org")
    found: SessionView | None = await outlast.get(session.id, owner="ada")
    result: StoredResult | None = await outlast.result(session.id)
    sessions: Sequence[AnalysisSession] = await outlast.list(status=Status.COMPLETED, limit=5)
    views: AsyncIterator[SessionView] = outlast.watch(session.id)
    cancelled: CancelAnswer | None = await outlast.cancel(session.id)
    retried: RetryAnswer | None = await outlast.retry(session.id)
    deleted: DeleteAnswer | None = await outlast.delete(session.id)
    everything: Deleted = await outlast.delete_all("ann")
    link: str | None = await outlast.share(session.id)
    print(found, result, sessions, views, cancelled, retried, deleted, everything, link)
    print(await outlast.unshare(session.id))
    await outlast.close()


def spoken(reviews: int) -> str:
    german = Translations("de", [Path("locale")])
    said: str = german.said(plural("{n:,} review", "{n:,} reviews", reviews))
    return said + german.gettext(message("Read {name}.", name="a.csv"))


def from_threads() -> None:
    sync: SyncOutlast = outlast.sync
    sync.open(workers=1)
    session: SyncSession[object] = sync.start("site", owner="ada", url="https://example.org")
    assert_type(sync.wait(analyse_site.run(url="https://example.org")), Verdict)
    for view in session:
        assert_type(view, SessionView)
    print(
        session.id, session.result(), session.view(), session.cancel(), session.retry(), sync.run("site", url="")
    )
    sync.close()


async def careful() -> Verdict | str:
    try:
        return await analyse_site.run(url="https://example.org")
    except AnalysisFailed as failed:
        return f"{failed.code} {failed.reference} {failed.message}"
    except (InvalidInput, QueueFull, TooManyActive, UnknownAnalysis, SessionGone, TooLarge) as refused:
        return str(refused)
    except RefreshTooSoon as early:
        return str(early)
    except (DiskAlmostFull, QuotaExceeded, StoreUnavailable, SettingsError) as trouble:
        return str(trouble)
    except OutlastError as other:
        return str(other)
