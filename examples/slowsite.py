"""How many words do the pages of a site have? It fetches any address, so do not serve it to strangers."""

import re

import httpx

from outlast import Outlast, report, step

outlast = Outlast(title="Slow site")


@step("Reading the pages")
async def read(url: str) -> dict[str, str]:
    pages: dict[str, str] = {}
    async with httpx.AsyncClient(base_url=url, follow_redirects=True) as web:
        front = (await web.get("/")).raise_for_status().text
        links = sorted({"/", *re.findall(r'href="(/[^"#?]*)"', front)})[:30]
        for n, link in enumerate(links, start=1):
            pages[link] = (await web.get(link)).text
            report(n, len(links), f"Read {n} of {len(links)} pages")
    return pages


@step("Counting the words")
async def count(pages: dict[str, str]) -> dict[str, int]:
    return {link: len(re.sub(r"<[^>]+>", " ", text).split()) for link, text in pages.items()}


@outlast.analysis("site", steps=[read, count], timeout=300, max_attempts=3)
async def analyse_site(url: str) -> dict[str, int]:
    return await count(await read(url))  # a second attempt reuses the result of each finished step
