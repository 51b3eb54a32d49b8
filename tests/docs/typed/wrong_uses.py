"""Wrong uses. Each line that ends in `# wrong` is an error for both checkers, and no other line is."""

from outlast import Outlast, Settings, step

outlast = Outlast(Settings(data_dir="some/folder"))


@step("Reading")
async def read(url: str) -> list[str]:
    return [url]


@step("Counting")
def count(pages: list[str]) -> int:
    return len(pages)


@outlast.analysis("site", steps=[read, count])
async def analyse_site(url: str, depth: int = 1) -> dict[str, int]:
    return {url: depth}


@outlast.analysis("sum")
def add_up(numbers: list[int]) -> int:
    return sum(numbers)


async def starts() -> None:
    await analyse_site.start()  # wrong
    await analyse_site.start(link="https://example.org")  # wrong
    await analyse_site.start(url=3)  # wrong
    await analyse_site.start(url="https://example.org", depth="two")  # wrong
    await analyse_site.start(url="https://example.org", owner="ada")  # wrong
    await analyse_site.run(url="https://example.org", dept=2)  # wrong
    await analyse_site.run(url=b"https://example.org")  # wrong
    await analyse_site(url=3)  # wrong
    await add_up.start(numbers=["one"])  # wrong
    add_up(numbers="one")  # wrong
    await add_up(numbers=[1])  # wrong


async def start_options() -> None:
    analyse_site.options(owners="ada")  # wrong
    analyse_site.options(owner=None)  # wrong
    analyse_site.options(owner=3)  # wrong
    analyse_site.options(priority="high")  # wrong
    await outlast.start("site", owner=None, url="https://example.org")  # wrong


async def results() -> None:
    session = await analyse_site.start(url="https://example.org")
    text: str = await session.result()  # wrong
    number: int = (await session.result())["pages"]
    name: str = (await session.result())["pages"]  # wrong
    total: str = await add_up.run(numbers=[1])  # wrong
    session.result().upper()  # wrong
    print(session.progress)  # wrong
    async for view in session:
        print(view.percentage)  # wrong
    print(text, number, name, total)


def declarations() -> None:
    outlast.analysis()  # wrong
    outlast.analysis("a", timeouts=3)  # wrong
    outlast.analysis("a", timeout="3")  # wrong
    outlast.analysis("a", steps=[len])  # wrong
    outlast.analysis("a", isolation="thread")  # wrong
    outlast.analysis("a", max_attempts=2.5)  # wrong
    outlast.analysis("a", exports={"a.txt": len})  # wrong
    outlast.analysis("a", check=add_up)  # wrong
    outlast.analysis(add_up)  # wrong
    step(read)  # wrong
    step("Reading", weights=2)  # wrong
    step("Reading", version="1")  # wrong


async def steps() -> None:
    await read(3)  # wrong
    await read.map([3])  # wrong
    count.map(["one"])  # wrong
    pages: list[int] = await read("https://example.org")  # wrong
    await read.map(["https://example.org"], at_ones=3)  # wrong
    print(pages)


def settings() -> None:
    Settings(data_dir=3)  # wrong
    Settings(data_folder="some/folder")  # wrong
    Outlast(titel="Shop")  # wrong
    outlast.lifespan(workers="one")  # wrong
    print(outlast.engine)  # wrong
