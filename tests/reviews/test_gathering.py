"""Sessions of the product analysis from its sources: several files, mappings, providers, and what is refused."""

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from provider_server import ProviderServer, Reply, provider_server, said
from pydantic import SecretStr
from source_server import Answer, shop_server
from test_provider_brightdata import PROGRESS, RECORD, SNAPSHOT, TRIGGER
from test_source_zip import packed

from outlast import AnalysisFailed, InvalidInput, Outlast, SessionView, Settings, Status
from outlast_reviews.analysis import register
from outlast_reviews.review import ReviewSet
from outlast_reviews.settings import ReviewSettings
from outlast_reviews.sources import gathering
from outlast_reviews.sources.fetching.fetch import Fetcher
from sqlite_template import with_store

ME = "me"
TABLE = "sterne,meinung,tag\n" + "".join(f"{n % 5 + 1},Text number {n},2024-03-0{n}\n" for n in range(1, 8))
AMAZON = "https://www.amazon.de/dp/B0C1M76VR9"


@pytest.fixture
async def outlast(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Outlast]:
    """The product, with the key of a provider in tests that have its `server`."""
    outlast = Outlast(Settings(data_dir=with_store(tmp_path), queue_max_tries=2))
    settings = ReviewSettings()
    if "server" in request.fixturenames:
        url = request.getfixturevalue("server").url
        settings = ReviewSettings(brightdata_key=SecretStr("the-key"), brightdata_url=url)
    register(outlast, settings)
    async with outlast.lifespan(workers=1):
        yield outlast


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with provider_server() as server:
        server.replies = {
            TRIGGER: [said({"snapshot_id": "s_1a2b"})],
            PROGRESS: [said({"status": "ready"})],
            SNAPSHOT: [said([RECORD])],
        }
        yield server


async def upload(outlast: Outlast, content: str | bytes, name: str = "a.csv") -> str:
    data = content.encode() if isinstance(content, str) else content
    return repr(await outlast.upload(io.BytesIO(data), name, owner=ME))


async def finished(outlast: Outlast, **given: Any) -> SessionView:
    started = await outlast.start("product", owner=ME, **given)
    views = [view async for view in outlast.watch(started.session.id)]
    return views[-1]


async def report_of(outlast: Outlast, **given: Any) -> dict[str, Any]:
    view = await finished(outlast, **given)
    assert view.session.status is Status.COMPLETED, view.session.error
    stored = await outlast.result(view.session.id)
    assert stored
    return json.loads(stored.result)["report"]


async def test_several_files_are_one_product_and_repeats_among_them_are_merged(outlast: Outlast):
    first = await upload(outlast, "rating,text,reviewer\n5,good pillow,A\n4,fine,B\n")
    second = await upload(outlast, '{"rating":5,"text":"good pillow","reviewer":"A"}\n{"rating":1,"text":"bad"}\n')
    report = await report_of(outlast, source=[first, second])
    assert (report["total_reviews"], report["unique_reviews"]) == (4, 3)
    assert report["format"] == "2 files: CSV, JSONL"
    assert report["source"] == "a.csv, a.csv"


async def test_a_file_left_out_of_an_archive_is_in_the_report(outlast: Outlast):
    archive = packed({"a.csv": "rating,text\n5,a\n9,b\n", "notes.txt": "hello"})
    report = await report_of(outlast, source=await upload(outlast, archive))
    assert report["coverage"]["left_out"][0].startswith("“notes.txt”: This is text")
    (skipped,) = report["coverage"]["skipped_reasons"]
    assert (skipped["count"], skipped["rows"]) == (1, "row 2 (a.csv)")


async def test_half_a_surrogate_pair_in_one_rating_spoils_no_report(outlast: Outlast):
    rows = [{"rating": n % 5 + 1, "text": f"Text {n}"} for n in range(50)]
    strange = {"rating": "\ud800", "text": "b", "title": "\ud800", "reviewer": "\ud800"}
    report = await report_of(outlast, source=await upload(outlast, json.dumps([*rows, strange])))
    assert report["total_reviews"] == 51
    (skipped,) = report["coverage"]["skipped_reasons"]
    assert (skipped["reason"], skipped["count"]) == ("the rating “\ufffd” is not a number of stars", 1)


@pytest.mark.slow
async def test_unknown_columns_are_asked_for_and_the_answer_is_part_of_the_input(outlast: Outlast):
    file = await upload(outlast, TABLE)
    with pytest.raises(InvalidInput, match="“sterne”, “meinung”, “tag”") as caught:
        await outlast.start("product", owner=ME, source=file)
    assert caught.value.faults[0][0] == "/mapping"
    questions = {question.name: question for question in caught.value.questions}
    assert questions["rating"].required
    assert questions["rating"].options[0] == ("sterne", "sterne: 2, 3, 4")
    assert not questions["date"].required
    report = await report_of(outlast, source=file, mapping={"rating": "sterne", "text": "meinung"})
    assert (report["coverage"]["with_rating"], report["coverage"]["with_date"]) == (7, 0)
    again = await report_of(outlast, source=file, mapping={"rating": "sterne", "text": "meinung", "date": "tag"})
    assert again["coverage"]["with_date"] == 7


async def test_however_long_names_are_the_questions_about_them_are_short(outlast: Outlast):
    names = ["a" * 201] + [f"{'😀' * 190}{n}" for n in range(100)]
    file = await upload(outlast, ",".join(names) + "\n" + ",".join(['"' * 300] * 101) + "\n")
    with pytest.raises(InvalidInput) as caught:
        await outlast.start("product", owner=ME, source=file)
    rating = caught.value.questions[0]
    assert rating.options[0][0] == names[1]
    assert "a" * 201 not in dict(rating.options)
    asked = [[question.name, question.label, question.options] for question in caught.value.questions]
    assert 100_000 < len(json.dumps(asked)) < 1_000_000


async def test_slow_looks_hold_up_nobody_else(monkeypatch: pytest.MonkeyPatch):
    looking, may_end, most = [], threading.Event(), 0

    def slow_look(*_given: object) -> ReviewSet:
        nonlocal most
        looking.append(1)
        most = max(most, len(looking))
        assert may_end.wait(30)
        looking.pop()
        return ReviewSet((), "CSV")

    class File:
        async def head(self, size: int) -> bytes:
            return b"rating,text\n5,a\n"[:size]

    monkeypatch.setattr(gathering, "preview", slow_look)
    refusals = [gathering.refuse_file(File(), {}, None, "/source") for _ in range(100)]  # pyright: ignore[reportArgumentType] - of an upload it is the head alone
    looks = asyncio.gather(*refusals)
    async with asyncio.timeout(30):
        while len(looking) < 2:
            await asyncio.to_thread(threading.Event().wait, 0.01)
    may_end.set()
    await looks
    assert most == 2


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"rating": "stern", "text": "meinung"}, "no column “stern”"),
        ({"stars": "sterne"}, "'rating', 'text'"),
        ({"rating": ""}, "at least 1 character"),
    ],
)
async def test_a_mapping_that_cannot_be_is_refused_with_the_reason(outlast: Outlast, mapping: Any, words: str):
    file = await upload(outlast, TABLE)
    with pytest.raises(InvalidInput, match=words):
        await outlast.start("product", owner=ME, source=file, mapping=mapping)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xd8\xff\xe0JFIF", "a photo"),
        (b"hello", "not a table"),
        (b"<html><title>Robot Check</title>Type the characters you see</html>", "a robot check"),
        (b"<html><form><input type=password></form></html>", "a login page"),
        (b'{"a": [1, 2]}', "no list of reviews"),
        (packed({"a.txt": "hello"}), "no reviews in the ZIP"),
        (b"punkte;meinung\n" + b"5;gut gewesen\n" * 90_000, "no column for the rating"),
    ],
)
async def test_what_the_beginning_of_a_file_shows_is_refused_at_start(
    outlast: Outlast, content: bytes, words: str
):
    file = await upload(outlast, content, "bad.csv")
    good = await upload(outlast, "rating,text\n5,a\n")
    with pytest.raises(InvalidInput, match=words):
        await outlast.start("product", owner=ME, source=file)
    with pytest.raises(InvalidInput, match=f"“bad.csv”: .*{words}"):
        await outlast.start("product", owner=ME, source=[good, file])


@pytest.mark.slow
async def test_a_file_that_breaks_off_far_behind_its_beginning_fails_with_the_reason(outlast: Outlast):
    reviews = json.dumps([{"rating": 5, "text": f"Text {n}"} for n in range(20_000)])
    view = await finished(outlast, source=await upload(outlast, reviews[:-9]))
    assert view.session.status is Status.FAILED
    assert "breaks off" in (view.session.error or "")


@pytest.mark.slow
async def test_an_address_is_fetched_and_may_stand_beside_a_file(
    outlast: Outlast, monkeypatch: pytest.MonkeyPatch
):
    review = {"@type": "Review", "reviewRating": {"ratingValue": 4}, "reviewBody": "From the page"}
    page = {"@type": "Product", "name": "A lamp", "review": [review]}
    with shop_server() as shop:
        html = f'<html><script type="application/ld+json">{json.dumps(page)}</script></html>'
        shop.answers["/lamp"] = Answer(html.encode())
        monkeypatch.setattr("outlast_reviews.sources.fetching.fetch.Fetcher", partial(Fetcher, allow=shop.allow))
        monkeypatch.setattr(gathering, "refuse", partial(gathering.refuse, allow=shop.allow))
        alone = await report_of(outlast, source=shop.url("/lamp"))
        both = await report_of(outlast, source=[shop.url("/lamp"), await upload(outlast, "rating,text\n5,a\n")])
    assert (alone["total_reviews"], both["total_reviews"]) == (1, 2)
    assert alone["source"].endswith("/lamp")


async def test_with_a_key_an_amazon_product_is_read_through_the_provider(outlast: Outlast, server: ProviderServer):
    report = await report_of(outlast, source=AMAZON + "/ref=x")
    assert (report["total_reviews"], report["format"]) == (1, "Bright Data: JSON")
    assert server.times(TRIGGER) == 1


@pytest.mark.slow
async def test_another_attempt_collects_what_the_first_has_ordered(outlast: Outlast, server: ProviderServer):
    server.replies[PROGRESS] = [Reply(b"", 503, {"Retry-After": "0"}), said({"status": "ready"})]
    report = await report_of(outlast, source=AMAZON)
    assert report["total_reviews"] == 1
    assert server.times(PROGRESS) == 2
    assert server.times(TRIGGER) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "reply", "words"),
    [
        (TRIGGER, Reply(b"no credit", 402), "used up"),
        (TRIGGER, Reply(b"Too many requests", 429, {"Retry-After": "0"}), "quota"),
        (PROGRESS, Reply(b"", 500, {"Retry-After": "0"}), "trouble answering"),
        (SNAPSHOT, Reply(b"<html><input type=password></html>"), "login page"),
        (SNAPSHOT, said([{"error": "gone", "error_code": "dead_page"}]), "dead_page"),
    ],
)
async def test_a_provider_that_fails_fails_the_session_with_the_reason_and_what_to_do(
    outlast: Outlast, server: ProviderServer, path: str, reply: Reply, words: str
):
    server.replies[path] = [reply]
    view = await finished(outlast, source=AMAZON)
    assert view.session.status is Status.FAILED
    assert words in (view.session.error or "")
    assert "upload that file" in (view.session.error or "")
    assert await outlast.result(view.session.id) is None


async def test_without_a_key_nothing_is_asked_and_amazon_is_refused_at_start(outlast: Outlast):
    for address in (AMAZON, "https://amzn.to/3xyz"):
        with pytest.raises(InvalidInput, match="Amazon shows its reviews"):
            await outlast.start("product", owner=ME, source=address)


@pytest.mark.slow
async def test_the_environment_after_registration_and_beside_given_settings_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ANALYSIS_BRIGHTDATA_API_KEY", "another-key")
    given = Outlast(Settings(data_dir=tmp_path))
    register(given, ReviewSettings(brightdata_key=None))
    monkeypatch.delenv("ANALYSIS_BRIGHTDATA_API_KEY")
    of_environment = Outlast(Settings(data_dir=tmp_path))
    register(of_environment)
    monkeypatch.setenv("ANALYSIS_BRIGHTDATA_API_KEY", "another-key")
    for outlast in (given, of_environment):
        async with outlast.lifespan():
            with pytest.raises(InvalidInput, match="Amazon shows its reviews"):
                await outlast.start("product", owner=ME, source=AMAZON)


async def test_with_a_key_an_address_without_a_product_is_still_refused(outlast: Outlast, server: ProviderServer):
    with pytest.raises(InvalidInput, match="Amazon shows its reviews"):
        await outlast.start("product", owner=ME, source="https://www.amazon.de/gp/help")
    assert server.asked == []


@pytest.mark.slow
async def test_a_short_link_is_followed_to_the_product_that_is_then_ordered(
    outlast: Outlast, server: ProviderServer, monkeypatch: pytest.MonkeyPatch
):
    led = {"https://amzn.eu/d/1": AMAZON + "?tag=x", "https://amzn.eu/d/2": "https://shop.example/p"}
    monkeypatch.setattr(Fetcher, "follow_short_link", lambda _self, address: led[address])
    assert (await report_of(outlast, source="https://amzn.eu/d/1"))["total_reviews"] == 1
    assert server.asked[0].body == [{"url": "https://www.amazon.de/dp/B0C1M76VR9/"}]
    view = await finished(outlast, source="https://amzn.eu/d/2")
    assert "does not lead to a product" in (view.session.error or "")


BEHIND = "rating,text,product\n" + "".join(
    f"{n % 5 + 1},{'Words of a review ' * 3}{n},Kettle\n" for n in range(5_000)
)


@pytest.mark.slow
async def test_a_second_product_far_behind_the_beginning_is_asked_about_and_nothing_read_anew(
    outlast: Outlast, monkeypatch: pytest.MonkeyPatch
):
    read: list[object] = []
    real = gathering.read_reviews
    monkeypatch.setattr(gathering, "read_reviews", lambda *args, **more: read.append(args) or real(*args, **more))
    table = (BEHIND + "".join(f"4,A toaster {n},Toaster\n" for n in range(40))).encode()
    file = await upload(outlast, table)
    session = await outlast.start("product", owner=ME, source=file)
    with pytest.raises(AnalysisFailed) as failed:
        await session.result()
    assert failed.value.code == "question"
    (question,) = failed.value.questions
    assert question.name == "product"
    assert [value for value, _ in question.options] == ["Kettle", "Toaster", "*"]
    assert question.samples == {"Kettle": ["5,000 reviews"], "Toaster": ["40 reviews"], "*": ["5,040 reviews"]}
    await session.answer({"product": "Toaster"})
    report = (await session.result())["report"]
    assert (report["total_reviews"], report["product_title"]) == (40, "Toaster")
    assert len(read) == 1


@pytest.mark.slow
async def test_what_only_the_whole_file_shows_is_asked_by_the_worker(outlast: Outlast):
    rows = "".join(f'{{"Punkte": {n % 5 + 1}, "Meinung": "Words of a review {n}"}},' for n in range(6_000))
    session = await outlast.start("product", owner=ME, source=await upload(outlast, f"[{rows[:-1]}]"))
    with pytest.raises(AnalysisFailed) as failed:
        await session.result()
    questions = {question.name: question for question in failed.value.questions}
    assert (questions["rating"].chosen, questions["text"].chosen) == ("Punkte", "Meinung")
    await session.answer({"rating": "Punkte", "text": "Meinung"})
    assert (await session.result())["report"]["total_reviews"] == 6_000


@pytest.mark.slow
async def test_an_unknown_order_of_dates_is_asked_with_both_readings(outlast: Outlast):
    table = "rating,text,date\n" + "".join(
        f"{n % 5 + 1},A review {n},01/{n % 12 + 1:02}/2021\n" for n in range(40)
    )
    file = await upload(outlast, table)
    with pytest.raises(InvalidInput, match="can be read in two ways") as caught:
        await outlast.start("product", owner=ME, source=file)
    (question,) = caught.value.questions
    assert question.samples["day"][0] == "01/02/2021 → 1 February 2021"
    assert question.samples["month"][0] == "01/02/2021 → 2 January 2021"
    coverages = [
        (await report_of(outlast, source=file, mapping={"dates": order}))["coverage"]
        for order in ("day", "month", "unknown")
    ]
    assert [coverage["last_date"] for coverage in coverages] == ["2021-12-01", "2021-01-12", None]


@pytest.mark.slow
async def test_files_of_one_product_each_that_are_given_together_are_meant_so(outlast: Outlast):
    files = [
        await upload(outlast, f"rating,text,product\n5,Good {name},{name}\n") for name in ("Kettle", "Toaster")
    ]
    report = await report_of(outlast, source=files)
    assert report["coverage"]["products_count"] == 2
