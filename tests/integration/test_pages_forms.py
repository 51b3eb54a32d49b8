"""The form page and what it posts without JavaScript, errors included."""

import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import httpx
import pytest
from edge_site import ANALYSES, OpenSite, Visitor, open_site

HTML = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[OpenSite]:
    async with open_site(tmp_path, max_upload_mb=0.1, starts_per_minute=100) as site:
        yield site


@pytest.fixture
async def visitor(site: OpenSite) -> Visitor:
    return await site.visitor()


async def submit(visitor: Visitor, files: dict | None = None, **fields: str) -> httpx.Response:
    form = {"csrf_token": visitor.token, **fields}
    return await visitor.post("/", data=form, files=files, headers=HTML)


def value_of(html: str, name: str, analysis: str = "echo") -> str | None:
    """What stands in the field of that name."""
    form = html.partition(f'data-analysis="{analysis}"')[2].partition("</form>")[0]
    field = re.search(rf'<input[^>]*\bname="{name}"[^>]*>', form)
    value = re.search(r'\bvalue="([^"]*)"', field[0]) if field else None
    return unescape(value[1]) if value else None


def is_page(answer: httpx.Response, status: int) -> bool:
    return answer.status_code == status and answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.slow
async def test_the_form_page_offers_every_analysis_with_the_visitors_token(site: OpenSite):
    client = site.client()
    page = await client.get("/", headers=HTML)
    assert is_page(page, 200)
    assert all(f'data-analysis="{name}"' in page.text for name in ANALYSES)
    token = value_of(page.text, "csrf_token")
    assert f'<meta name="csrf-token" content="{token}">' in page.text
    answer = await client.post("/", data={"csrf_token": token, "analysis": "echo", "text": "a"})
    assert answer.status_code == 303


async def test_a_posted_form_leads_to_its_session(site: OpenSite, visitor: Visitor):
    answer = await submit(visitor, analysis="echo", text="a", size="5")
    (session,) = await site.sessions()
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/analysis/{session.id}"
    assert session.input == '{"text":"a","size":5}'
    assert is_page(await visitor.get(answer.headers["location"], headers=HTML), 200)


async def test_the_same_form_twice_leads_to_the_same_session(visitor: Visitor):
    first, second = [await submit(visitor, analysis="echo", text="a") for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]


async def test_an_urlencoded_and_a_multipart_form_are_the_same(site: OpenSite, visitor: Visitor):
    first = await submit(visitor, analysis="echo", text="a")
    nothing = {"unused": ("", b"", "application/octet-stream")}
    second = await submit(visitor, nothing, analysis="echo", text="a")
    assert first.headers["location"] == second.headers["location"]


async def test_a_file_in_the_form_is_analysed(site: OpenSite, visitor: Visitor):
    answer = await submit(visitor, {"source_file": ("a.csv", b"a,b")}, analysis="product", source="")
    assert answer.status_code == 303
    async with site.working():
        final = await visitor.finished(answer.headers["location"].rpartition("/")[2])
    assert final["result"] == {"bytes": 3}


async def test_an_address_in_the_form_is_analysed(site: OpenSite, visitor: Visitor):
    empty = {"source_file": ("", b"", "application/octet-stream")}
    answer = await submit(visitor, empty, analysis="product", source=" https://shop.example/p/1 ")
    assert answer.status_code == 303
    (session,) = await site.sessions()
    assert session.subject == "https://shop.example/p/1"


async def test_a_fault_is_shown_at_its_field_and_other_values_are_kept(site: OpenSite, visitor: Visitor):
    answer = await submit(visitor, analysis="echo", text='<b>"quoted"</b>', size="many")
    assert is_page(answer, 422)
    assert value_of(answer.text, "text") == '<b>"quoted"</b>'
    assert value_of(answer.text, "size") == "many"
    error = re.search(r'id="echo-size-error">([^<]+)<', answer.text)
    assert error
    assert error[1].strip()
    assert not re.search(r'id="echo-text-error">[^<]+<', answer.text)
    assert "<b>" not in answer.text
    assert await site.sessions() == []


@pytest.mark.slow
async def test_a_missing_value_is_shown_at_its_field(visitor: Visitor):
    answer = await submit(visitor, analysis="echo", text="  ", size="7")
    assert is_page(answer, 422)
    assert re.search(r'id="echo-text-error">[^<]+<', answer.text)
    assert value_of(answer.text, "size") == "7"


async def test_an_unreadable_address_is_kept_with_what_to_do_instead(visitor: Visitor):
    answer = await submit(visitor, analysis="product", source="https://unreadable.example/p")
    assert is_page(answer, 422)
    assert "save the page and upload it" in answer.text
    assert value_of(answer.text, "source", "product") == "https://unreadable.example/p"


@pytest.mark.slow
@pytest.mark.parametrize(("content", "status"), [(b"", 422), (b"x" * 100_001, 413)])
async def test_a_refused_upload_shows_the_form_again(
    site: OpenSite, visitor: Visitor, content: bytes, status: int
):
    answer = await submit(visitor, {"source_file": ("a.csv", content)}, analysis="product")
    assert is_page(answer, status)
    assert 'data-analysis="product"' in answer.text
    assert await site.sessions() == []


async def test_a_form_far_too_large_is_a_page_too(visitor: Visitor):
    answer = await submit(visitor, {"source_file": ("a.csv", b"x" * 1_000_000)}, analysis="product")
    assert is_page(answer, 413)


async def test_a_broken_form_is_a_page_too(visitor: Visitor):
    kind = {"Content-Type": "multipart/form-data; boundary=b", **HTML}
    assert is_page(await visitor.post("/", content=b"rubbish", headers=kind), 400)


@pytest.mark.parametrize("analysis", ["divination", "", "\x00"])
async def test_a_form_of_no_analysis_is_a_page_that_says_so(visitor: Visitor, analysis: str):
    assert is_page(await submit(visitor, analysis=analysis, text="a"), 404)


@pytest.mark.slow
async def test_too_many_starts_show_the_form_again_with_reason_and_input(tmp_path: Path):
    async with open_site(tmp_path, max_active_per_owner=1, starts_per_minute=2) as site:
        visitor = await site.visitor()
        await submit(visitor, analysis="echo", text="a")
        for text in ("b", "c"):
            answer = await submit(visitor, analysis="echo", text=text)
            assert is_page(answer, 429)
            assert int(answer.headers["retry-after"]) >= 1
            assert value_of(answer.text, "text") == text
            assert 'role="alert"' in answer.text
            assert '<a href="/analyses">' in answer.text


async def test_a_form_without_its_token_is_a_page_that_says_so(site: OpenSite, visitor: Visitor):
    answer = await visitor.post("/", data={"analysis": "echo", "text": "a"}, headers=HTML)
    assert is_page(answer, 403)
    assert await site.sessions() == []


@pytest.mark.parametrize("path", ["/nowhere", "/analysis/short", "/analysis/" + "a" * 26, "/static/none.js"])
async def test_browsers_get_a_page_and_programs_a_problem(visitor: Visitor, path: str):
    program = await visitor.get(path)
    assert program.status_code == 404
    assert program.headers["content-type"] == "application/problem+json"
    if not path.startswith("/static"):
        assert is_page(await visitor.get(path, headers=HTML), 404)


@pytest.mark.parametrize("path", ["/api/nowhere", "/api/analysis/progress/short"])
async def test_the_api_answers_with_problems_whoever_asks(visitor: Visitor, path: str):
    answer = await visitor.get(path, headers=HTML)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    ["/static/../pages.py", "/static/..%2fpages.py", "/static/%2e%2e/pages.py", "/static/.", "/static/%2e%2e",
     "/static/", "/assets/app.key", "/static//etc/passwd"],
)  # fmt: skip
async def test_no_file_but_the_sites_own_is_served(visitor: Visitor, path: str):
    assert (await visitor.get(path)).status_code == 404


async def test_scripts_and_styles_are_served_as_what_they_are(visitor: Visitor):
    kinds = {"analysis-progress.js": "text/javascript", "outlast.css": "text/css", "icon.svg": "image/svg+xml"}
    for name, kind in kinds.items():
        answer = await visitor.get(f"/static/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("charset", ["punycode", "undefined", "unicode_escape", '"utf-16"', "idna", "x" * 100])
async def test_a_form_is_read_as_utf_8_whatever_encoding_it_names(site: OpenSite, visitor: Visitor, charset: str):
    """Python knows encodings that take minutes, or none at all."""
    fields = {"csrf_token": visitor.token, "analysis": "echo", "text": "grün-" + "b" * 50_000 + "-a"}
    parts = [f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
    kind = f"multipart/form-data; charset={charset}; boundary=x"
    body = "".join([*parts, "--x--\r\n"]).encode()
    answer = await visitor.post("/", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 303
    (session,) = await site.sessions()
    assert "grün" in session.input


async def test_a_form_without_files_may_not_be_as_large_as_one_with(tmp_path: Path):
    async with open_site(tmp_path, max_upload_mb=50) as site:
        visitor = await site.visitor()
        body = b"csrf_token=%41&text=" + b"%41" * 400_000
        kind = {"Content-Type": "application/x-www-form-urlencoded", **HTML}
        assert is_page(await visitor.post("/", content=body, headers=kind), 413)
