"""Thousands of generated requests to the real server: no answer is a 5xx, and no traceback is in the log.

`GENERATED_REQUESTS=5000 pytest tests/integration/test_generated_requests.py` sends as many to each store;
`GENERATED_SEED` repeats a run that failed.
"""

import asyncio
import json
import logging
import os
import random
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from edge_site import DASHBOARD_KEY, Hold, OpenSite, open_site
from generated_requests import STRANGE_TEXTS, Generated, Known, Requests
from raw_wires import running

import outlast_reviews.pages
from outlast import Outlast
from outlast.app import runtime_of
from outlast.settings import load_settings
from outlast.testing.acts import completed
from outlast_reviews.analysis import register as register_product
from outlast_reviews.report import review_report
from outlast_reviews.review import Review, ReviewSet

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("GENERATED_REQUESTS", "400"))
ASSETS = Path(outlast_reviews.pages.__file__).parent / "assets"
AT_ONCE = 16
PATIENCE = 20.0
MANY = {
    "starts_per_minute": 1_000_000,
    "max_active_per_owner": 1_000_000,
    "streams_per_owner": 1_000,
    "max_upload_mb": 0.05,
    "dashboard_key": DASHBOARD_KEY,
    "app_key": ("k" * 40,),
}


async def test_no_request_makes_an_error_of_ours(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    await _ask_all(tmp_path, caplog, {})


async def test_nor_with_postgresql(tmp_path: Path, postgres_url: str, caplog: pytest.LogCaptureFixture):
    await _ask_all(tmp_path, caplog, {"database_url": postgres_url})


@pytest.fixture(params=["sqlite", "postgres"])
def chosen_store(request: pytest.FixtureRequest) -> dict[str, str]:
    return {"database_url": request.getfixturevalue("postgres_url")} if request.param == "postgres" else {}


async def test_no_strange_text_makes_one_wherever_it_stands(
    chosen_store: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    codes: dict[str, int] = {}
    async with open_site(tmp_path, **MANY, **chosen_store) as site:
        visitor = await (await site.visitor()).log_in()
        for text in STRANGE_TEXTS:
            named = quote(text.encode("utf-8", "surrogatepass"), safe="")
            asked = [f"/dashboard?{name}={named}" for name in ("analysis", "status", "page")]
            asked += [
                f"{path}/{named}" for path in ("/shared", "/dashboard", "/api/analysis/progress", "/analysis")
            ]
            for address in asked:
                codes[address] = (await visitor.get(address)).status_code
            for given in (
                {"analysis": text},
                {"analysis": "echo", "input": {"text": text}},
                {"analysis": "echo", "input": {text: "a"}},
                {"analysis": "product", "input": {"source": text}},
                {"productUrl": text},
            ):
                body = json.dumps(given)
                sent = {"content": body, "headers": {"Content-Type": "application/json"}}
                codes[body] = (await visitor.post("/api/analysis/start", **sent)).status_code
    assert {asked: code for asked, code in codes.items() if code >= 500} == {}
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR], caplog.text[:5_000]


async def test_nor_does_the_product_with_its_pages_and_files(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    reviews = tuple(Review(row=n, rating=5.0, text="I got it for free.", reviewer=f"A{n}") for n in range(1, 200))
    report = review_report(ReviewSet(reviews, "CSV"), source="a file", analysed_at=datetime.now(UTC))
    product = Outlast(load_settings(data_dir=tmp_path, **MANY), assets=ASSETS)
    register_product(product)
    async with product.lifespan():
        site = OpenSite(product, product.asgi(), await runtime_of(product).engine(), Hold())
        await _ask(site, caplog, "product", {"report": report, "redirect_url": None})
        for client in site.clients:
            await client.aclose()


async def _ask_all(folder: Path, caplog: pytest.LogCaptureFixture, settings: dict[str, str]) -> None:
    async with open_site(folder, **MANY, **settings) as site:
        await _ask(site, caplog, "echo", {"text": "a"})


async def _ask(site: OpenSite, caplog: pytest.LogCaptureFixture, analysis: str, result: object) -> None:
    seed = int(os.environ.get("GENERATED_SEED", "0")) or random.getrandbits(32)
    print(f"GENERATED_SEED={seed}")
    caplog.set_level(logging.ERROR, "python_multipart")  # as `outlast serve` has it
    async with running(site.app) as running_server:
        supply = Requests(seed, await _known(site, analysis, result))
        waiting = [supply.one() for _ in range(COUNT)]
        answers: Counter[bytes] = Counter()
        wrong: list[Generated] = []

        async def send() -> None:
            while waiting:
                request = waiting.pop()
                status = await _status(running_server.port, request)
                answers[status] += 1
                if status.startswith(b"5") or (not status and request.whole):
                    wrong.append(request)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(send())
    print(dict(answers))
    assert not wrong, b"\n\n".join(r.data[:1_500] for r in wrong[:3])
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR or r.exc_info], caplog.text[:5_000]
    assert {b"200", b"400", b"403", b"404", b"422"} <= answers.keys()  # they got further than the door


async def _known(site: OpenSite, analysis: str, result: object) -> Known:
    """Sessions in several states, a shared result and an upload, all of one visitor who is an operator too."""
    visitor = await (await site.visitor()).log_in()
    upload = (await visitor.upload(b"rating,text\n5,fine\n")).json()["source"]
    values = {"source": upload} if analysis == "product" else {"text": "a"}
    ended = await visitor.started(analysis, **values)
    await site.end(ended, completed(json.dumps(result)))
    shared = await visitor.post(f"/api/analysis/share/{ended}")
    waiting = await visitor.started(analysis, **values)
    return Known(
        cookie="; ".join(f"{name}={value}" for name, value in visitor.cookies.items()),
        token=visitor.token,
        operator_token=visitor.operator_token,
        sessions=[ended, waiting],
        links=[shared.json()["url"].rpartition("/")[2]],
        uploads=[upload],
    )


async def _status(port: int, request: Generated) -> bytes:
    """Of the last answer; nothing where there is none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = b""
    try:
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                writer.write(request.data)
                await writer.drain()
                if request.whole:
                    while b"\r\n\r\n" not in head.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b""):
                        more = await reader.read(65_536)
                        if not more:
                            break
                        head += more
    except TimeoutError:
        return b""
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
    return head.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")[9:12]
