"""Files are added to a result, an input is corrected or only checked, and programs have pages of their own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from edge_site import OpenSite, Visitor, open_site
from pydantic import Field
from test_pages_forms import HTML, value_of

from outlast import AddFiles, InvalidInput, Outlast, PageView, Permanent, RetryAfter, Upload

Hidden = Annotated[str | None, Field(json_schema_extra={"x-hidden": True})]
HELP = '<p class="way">Save the page.</p>'


def register(outlast: Outlast) -> None:
    async def check(source: Any, earlier: Any, note: Any) -> None:
        if source == "https://unreadable.example/":
            raise InvalidInput("That shop cannot be read.", "/source", help=HELP)

    @outlast.analysis(
        "gather",
        check=check,
        add_files=AddFiles("source", "Add <files>", hint=lambda view: f"<i>{view.root}|</i>", earlier="earlier"),
    )
    async def gather(
        source: Upload | str | list[Upload | str], earlier: Hidden = None, note: str = ""
    ) -> dict[str, Any]:
        if source == "https://gone.example/":
            raise Permanent("There is nothing at that address.")
        if source == "https://busy.example/":
            raise RetryAfter(0, "The shop asks to wait.")
        given = source if isinstance(source, list) else [source]
        return {"files": [await one.aname() if isinstance(one, Upload) else one for one in given], "of": earlier}

    @outlast.page("about", title="About <us>")
    def about(view: PageView) -> str:
        said = f"{view.address} {view.query.get('q', '')} {view.shared}"
        return f"<p>{said}</p><script nonce='{view.nonce}'></script>"

    outlast.page("open", title="Open", takes_messages=True)(lambda view: f"<h1>{view.root}</h1>")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, max_upload_mb=0.1, starts_per_minute=100, max_active_per_owner=1) as site:
        register(site.outlast)
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


async def finished(site: OpenSite, visitor: Visitor, source: Any, **more: str) -> str:
    session_id = await visitor.started("gather", source=source, **more)
    async with site.working():
        await visitor.finished(session_id)
    return session_id


async def add(visitor: Visitor, session_id: str, *names: str, token: str | None = None) -> httpx.Response:
    files = [("files", (name, name.encode(), "text/csv")) for name in names]
    form = {"csrf_token": visitor.token if token is None else token}
    unused = [("unused", ("", b"", "text/plain"))]
    return await visitor.post(f"/analysis/{session_id}/files", data=form, files=files or unused, headers=HTML)


@pytest.mark.slow
@pytest.mark.parametrize("several", [False, True])
async def test_added_files_and_the_earlier_ones_are_analysed_together(
    site: OpenSite, visitor: Visitor, *, several: bool
) -> None:
    first = (await visitor.upload(b"a", "a.csv")).json()["source"]
    session_id = await finished(site, visitor, [first, "https://shop.example/"] if several else first, note="kept")
    page = (await visitor.get(f"/analysis/{session_id}", headers=HTML)).text
    assert '<h2 id="add-files" tabindex="-1">Add &lt;files&gt;</h2>' in page
    assert "<i>|</i>" in page
    answer = await add(visitor, session_id, "b.csv", "c.csv", "b.csv")
    assert answer.status_code == 303
    new_id = answer.headers["location"].rpartition("/")[2]
    assert new_id != session_id
    async with site.working():
        result = (await visitor.finished(new_id))["result"]
    address = ["https://shop.example/"] if several else []
    assert result == {"files": ["a.csv", *address, "b.csv", "c.csv"], "of": session_id}
    (new,) = [session for session in await site.sessions() if session.id == new_id]
    assert '"note":"kept"' in new.input
    earlier = await visitor.get(f"/api/analysis/result/{session_id}")
    assert earlier.json()["files"] == ["a.csv", *address]


@pytest.mark.slow
async def test_files_are_added_only_by_the_owner_to_a_result_that_takes_them(
    site: OpenSite, visitor: Visitor
) -> None:
    session_id = await finished(site, visitor, (await visitor.upload(b"a")).json()["source"])
    echo = await visitor.started("echo")
    async with site.working():
        await visitor.finished(echo)
    running = await visitor.started("gather", source="https://shop.example/")
    stranger = await site.visitor()
    assert (await add(stranger, session_id, "b.csv")).status_code == 404
    assert (await add(visitor, session_id, "b.csv", token="wrong")).status_code == 403
    for of, names, status, said in (
        (session_id, (), 422, "Choose at least one file"),
        (session_id, ("a",), 422, "part of this result already"),
        (echo, ("b.csv",), 409, "takes more files"),
        (running, ("b.csv",), 409, "takes more files"),
        (session_id, ("b.csv",), 429, "already"),
    ):
        answer = await add(visitor, of, *names)
        assert answer.status_code == status
        assert said in answer.text
    too_large = {"files": ("large.csv", b"x" * 110_000, "text/csv")}
    form = {"csrf_token": visitor.token}
    answer = await visitor.post(f"/analysis/{session_id}/files", data=form, files=too_large, headers=HTML)
    assert answer.status_code == 413
    assert len(await site.sessions()) == 3


@pytest.mark.slow
async def test_a_refused_addition_shows_the_form_with_every_source_and_what_is_hidden(
    site: OpenSite, visitor: Visitor
) -> None:
    upload = (await visitor.upload(b"a", "a.csv")).json()["source"]
    session_id = await finished(site, visitor, [upload, "https://shop.example/"])
    await visitor.started("gather", source="https://shop.example/")
    page = (await add(visitor, session_id, "b.csv")).text
    kept = value_of(page, "source_kept", "gather") or ""
    assert kept.split()[:2] == [upload, "https://shop.example/"]
    assert len(kept.split()) == 3
    assert value_of(page, "earlier", "gather") == session_id


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("https://gone.example/", "Correct the address"),
        ("https://busy.example/", "Correct the address"),
        ("https://shop.example/", None),
    ],
)
@pytest.mark.slow
async def test_a_failed_session_leads_to_the_form_with_its_input(
    site: OpenSite, visitor: Visitor, source: str, title: str | None
) -> None:
    session_id = await finished(site, visitor, source)
    snapshot = await visitor.snapshot(session_id)
    assert snapshot["correction"] == title
    assert (await (await site.visitor()).get(f"/analysis/{session_id}/correct", headers=HTML)).status_code == 404
    form = (await visitor.get(snapshot["links"]["correct"], headers=HTML)).text
    assert value_of(form, "source", "gather") == source
    if title is None:
        return
    assert snapshot["error"] in form
    page = (await visitor.get(f"/analysis/{session_id}", headers=HTML)).text
    assert f">{title}</a>" in page
    assert 'data-part="percent" hidden' in page
    assert 'data-status="pending"' not in page


@pytest.mark.slow
async def test_failures_that_no_other_input_helps_offer_no_correction(site: OpenSite, visitor: Visitor) -> None:
    session_id = await visitor.started("breaking")
    async with site.working():
        assert (await visitor.finished(session_id))["correction"] is None


@pytest.mark.slow
async def test_a_check_answers_as_a_start_would_and_starts_nothing(site: OpenSite, visitor: Visitor) -> None:
    async def check(**given: Any) -> httpx.Response:
        return await visitor.post("/api/analysis/check", json={"analysis": "gather", "input": given})

    assert (await check(source="https://shop.example/")).json() == {"success": True}
    for wrong in ({"source": "https://unreadable.example/"}, {"source": 7}, {}, {"source": "upload:" + "0" * 64}):
        checked, started = await check(**wrong), await visitor.start("gather", **wrong)
        assert checked.status_code == started.status_code == 422
        assert checked.json() == started.json()
    refused = await check(source="https://unreadable.example/")
    assert refused.json()["help_html"] == HELP
    assert await site.sessions() == []
    form = {"csrf_token": visitor.token, "analysis": "gather", "source": "https://unreadable.example/"}
    page = await visitor.post("/", data=form, headers=HTML)
    assert page.status_code == 422
    assert page.text.count(HELP) == 1
    assert page.text.count("That shop cannot be read.") == 1


async def test_checks_are_limited_as_uploads_are(tmp_path: Path) -> None:
    async with open_site(tmp_path, starts_per_minute=2) as site:
        visitor = await site.visitor()
        body = {"analysis": "echo", "input": {"text": "a"}}
        answers = [(await visitor.post("/api/analysis/check", json=body)).status_code for _ in range(3)]
    assert answers == [200, 200, 429]


async def test_a_page_of_ones_own_has_the_frame_and_the_headers_of_the_site(
    site: OpenSite, visitor: Visitor
) -> None:
    page = await visitor.get("/pages/about?q=%3Cb", headers=HTML)
    assert page.status_code == 200
    assert "<h1>About &lt;us&gt;</h1>" in page.text
    assert "<p>/pages/about <b False</p>" in page.text
    nonce = page.text.partition("nonce='")[2].partition("'")[0]
    assert f"'nonce-{nonce}'" in page.headers["content-security-policy"]
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    opened = await visitor.get("/pages/open", headers=HTML)
    assert opened.text.count("<h1>") == 1
    assert opened.headers["cross-origin-opener-policy"] == "unsafe-none"
    assert (await visitor.get("/pages/nothing", headers=HTML)).status_code == 404


def test_mistakes_in_the_declaration_of_pages_and_added_files_are_named() -> None:
    outlast = Outlast()
    with pytest.raises(ValueError, match="cannot name a page"):
        outlast.page("About us", title="About")(lambda _view: "")
    with pytest.raises(TypeError, match="must take a PageView"):
        outlast.page("about", title="About")(lambda: "")  # type: ignore[arg-type] - what is tested
    outlast.page("about", title="About")(lambda _view: "")
    with pytest.raises(ValueError, match="There is a page 'about' already"):
        outlast.page("about", title="About")(lambda _view: "")
    with pytest.raises(ValueError, match="names the input field 'files'; there are: source"):

        @outlast.analysis("gather", add_files=AddFiles("files", "Add"))
        async def gather(source: Upload) -> int:
            return 1
