"""Every page: its blocks are of a kind that somebody checks, its links lead somewhere."""

import re

import pytest
from snippets import ROOT, blocks, pages

RUN = {"python", "console", "sql"}
READ = {"text", "py", "js", "mermaid", "html", "ini", "nginx"}
LINK = re.compile(r"\]\(([^)\s]+)\)")

every_page = pytest.mark.parametrize("page", pages(), ids=lambda p: str(p.relative_to(ROOT)))


@every_page
def test_every_block_is_of_a_known_kind(page) -> None:
    assert {b.language for b in blocks(page)} <= RUN | READ


@every_page
def test_every_link_within_the_repository_leads_somewhere(page) -> None:
    broken = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert not broken


def test_every_page_of_the_documentation_is_found_from_its_first_page() -> None:
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / link.partition("#")[0]).resolve() for link in LINK.findall(index.read_text())}
    assert not [p for p in pages() if p.is_relative_to(index.parent) and p not in linked | {index}]


def _anchors(page) -> set[str]:
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))
