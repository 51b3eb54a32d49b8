"""The modules that other sites use: `outlast.js` against the routes, types against the code, and their size."""

import asyncio
import gzip
import json
import re

import pytest
from mock_pages import ROOT, WEB
from mock_site import API, MockSite, event
from mock_snapshots import COMPLETED, SESSION, snapshot
from playwright.async_api import Page

from outlast.web.routes import ROUTES
from outlast.web.wording import PHASES, words

browser_test = [pytest.mark.browser, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]
STATIC = WEB / "static"
PACKAGE = json.loads((STATIC / "package.json").read_text())
IMPORT = re.compile(r"""(?:^import [^;]*?|^export [^;]* from )"\./([\w.-]+)";""", re.MULTILINE)
EXPORT = re.compile(
    r"^export (?:declare )?(?:async )?(?:class|function|const) (\w+)|^export \{([^}]+)\};", re.MULTILINE
)
INTERNAL = {"isStreamed", "takeStream"}
"""Exports of `outlast.js` for the modules beside it."""

CALLS = {
    "start('letters', {text: 'a'}, {idempotencyKey: 'k'})": ("POST", f"{API}/start"),
    "get(session)": ("GET", f"{API}/progress/{SESSION}"),
    "cancel(session)": ("POST", f"{API}/cancel/{SESSION}"),
    "retry(session)": ("POST", f"{API}/retry/{SESSION}"),
    "result(session)": ("GET", f"{API}/result/{SESSION}"),
    "upload(new File(['a'], 'a.csv'))": ("POST", f"{API}/upload"),
    "list({limit: 3, status: 'failed'})": ("GET", API),
}


class TestInBrowser:
    pytestmark = browser_test

    async def test_each_function_asks_for_a_route_that_exists(self, site: MockSite, page: Page):
        await page.goto(f"{site.url}/elsewhere")
        for call, (method, path) in CALLS.items():
            await page.evaluate(
                f"""async (session) => {{
                    const outlast = await import("/static/outlast.js");
                    await outlast.{call}.catch((refusal) => refusal.status === 404 || Promise.reject(refusal));
                }}""",
                SESSION,
            )
            assert (site.asked[-1].method, site.asked[-1].path) == (method, path), call
            routes = [route for route in ROUTES if route.pattern.fullmatch(path)]
            assert any(method in route.methods for route in routes), call
        assert site.asked[-1].query == {"limit": ["3"], "status": ["failed"]}
        assert not [asked for asked in site.asked if asked.headers.get("x-csrf-token") == ""]
        assert site.count(f"{API}/token") == 1, "the token is fetched before the first unsafe request"

    async def test_watch_calls_back_and_iterates_until_the_end(self, site: MockSite, page: Page):
        await page.goto(f"{site.url}/problem")
        watching = page.evaluate(
            """async (session) => {
                const { watch } = await import("/static/outlast.js");
                const shown = [];
                const watching = watch(session, (snapshot) => shown.push(snapshot.version));
                const iterated = [];
                for await (const snapshot of watching) iterated.push(snapshot.status);
                return [shown.at(-1), iterated.at(-1), watching.snapshot.version];
            }""",
            SESSION,
        )
        waiting = asyncio.ensure_future(watching)
        await site.until(lambda: site.streams == 1)
        site.say(event("an event of a later version", {"version": 99}))
        site.say(
            b"id: 11;a later version\nevent: progress\ndata: "
            + json.dumps(snapshot(version=11)).encode()
            + b"\n\n"
        )
        await site.show(**COMPLETED | {"version": 12})
        assert await waiting == [12, "completed", 12]


def test_the_element_stays_small():
    element = ["analysis-progress.js", "progress-view.js", "wording.js"]
    client = sorted(_imported("analysis-progress.js") - set(element))
    assert _zipped(element) <= 12_000
    assert _zipped(client) <= 12_000
    assert _zipped(["analysis-progress-de.js"]) <= 1_500


def test_the_package_has_all_that_its_modules_import_and_nothing_of_the_site_alone():
    files = set(PACKAGE["files"])
    entries = [
        path
        for target in PACKAGE["exports"].values()
        for path in ([target] if isinstance(target, str) else target.values())
    ]
    assert {path.removeprefix("./") for path in entries} <= files
    needed = set().union(*(_imported(name) for name in files if name.endswith(".js")))
    assert needed <= files
    assert not files & {"start-form.js", "dashboard.js", "copy-button.js", "outlast.css"}
    assert all((STATIC / name).is_file() for name in files)


@pytest.mark.parametrize("module", ["outlast", "analysis-progress", "analysis-form"])
def test_the_types_name_what_the_module_exports(module: str):
    typed = (STATIC / f"{module}.d.ts").read_text()
    assert _exports((STATIC / f"{module}.js").read_text()) - INTERNAL == _exports(typed)


def test_the_type_of_a_snapshot_has_its_keys():
    typed = (STATIC / "outlast.d.ts").read_text()
    body = typed.split("export interface Snapshot", 1)[1].split("\n}\n", 1)[0]
    assert set(re.findall(r"^  (\w+):", body, re.MULTILINE)) == set(snapshot())


def test_the_documentation_names_every_part_property_attribute_text_and_event():
    page = (ROOT / "docs/build/progress-element.md").read_text()
    view, element = ((STATIC / name).read_text() for name in ("progress-view.js", "analysis-progress.js"))
    names = set(re.findall(r'part="([\w-]+)"', view)) | set(re.findall(r"var\((--analysis-[\w-]+)", view))
    names |= set(re.findall(r'Attribute\("(?!aria)([a-z-]+)"\)', element)) | set(
        re.findall(r'slot name="(\w+)"', view)
    )
    assert not [name for name in names if f"`{name}`" not in page]
    german = set(
        re.findall(r'^  (?:"([\w.]+)"|(\w+)):', (STATIC / "analysis-progress-de.js").read_text(), re.MULTILINE)
    )
    english = set(re.findall(r'^    (?:"([\w.]+)"|(\w+)):', (STATIC / "wording.js").read_text(), re.MULTILINE))
    assert english <= german


def test_the_gallery_says_what_the_server_says():
    gallery = json.loads((ROOT / "docs/gallery/states.json").read_text())
    for name, changes in gallery["states"].items():
        state = gallery["snapshot"] | changes
        if state["phase"] in PHASES:
            assert {key: state[key] for key in words(state)} == words(state), name
    assert set(gallery["snapshot"]) == set(snapshot())


def _imported(name: str) -> set[str]:
    """The module and all that it imports when it is loaded."""
    found, open_ones = set(), {name}
    while open_ones:
        found |= (now := open_ones)
        open_ones = {other for each in now for other in IMPORT.findall((STATIC / each).read_text())} - found
    return found


def _zipped(names: list[str]) -> int:
    return sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in names)


def _exports(source: str) -> set[str]:
    names = set()
    for single, several in EXPORT.findall(source):
        names |= {single} if single else {name.strip() for name in several.split(",")}
    return names
