"""Analyses whose calls come in another order in the second attempt, each as `async def`, as `def` and isolated.

Each call adds a line to the file `ledger`, since an isolated analysis runs in another process.
"""

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from outlast import step

DOCUMENTS = 200


def note(ledger: str, *words: object) -> int:
    """Write a line; how often it stands there now."""
    line = " ".join(map(str, words))
    with Path(ledger).open("a") as file:
        file.write(line + "\n")
    return Path(ledger).read_text().splitlines().count(line)


def fail_once(ledger: str, *words: object) -> None:
    if note(ledger, "trouble", *words) == 1:
        raise RuntimeError("the first attempt breaks here")


@step("Fetching")
async def fetch(ledger: str, n: int) -> str:
    note(ledger, "fetch", n)
    await asyncio.sleep(0.001 * (n % 7))
    return f"text {n}"


@step("Summarising")
async def summarise(ledger: str, text: str) -> str:
    if text == "text 120":
        fail_once(ledger, "summarise")
    note(ledger, "summarise", text)
    return f"summary of {text}"


async def fan_out_async(ledger: str) -> list[str]:
    room = asyncio.Semaphore(20)

    async def one(n: int) -> str:
        async with room:
            return await summarise(ledger, await fetch(ledger, n))

    return await asyncio.gather(*(one(n) for n in range(DOCUMENTS)))


@step("Fetching")
def fetch_blocking(ledger: str, n: int) -> str:
    note(ledger, "fetch", n)
    return f"text {n}"


@step("Summarising")
def summarise_blocking(ledger: str, text: str) -> str:
    if text == "text 120":
        fail_once(ledger, "summarise")
    note(ledger, "summarise", text)
    return f"summary of {text}"


def fan_out_def(ledger: str) -> list[str]:
    with ThreadPoolExecutor(20) as pool:

        def submit(work: Callable[..., str], *args: object) -> Future[str]:
            return pool.submit(contextvars.copy_context().run, work, *args)

        texts = [submit(fetch_blocking, ledger, n) for n in range(DOCUMENTS)]
        summaries = [submit(summarise_blocking, ledger, text.result()) for text in texts]
        return [summary.result() for summary in summaries]


@step("Asking")
async def ask(ledger: str, question: str) -> str:
    note(ledger, "ask", question)
    return f"answer to {question}"


@step("Researching")
async def research(ledger: str) -> list[str]:
    return [await ask(ledger, "a"), await ask(ledger, "b")]


async def nested_async(ledger: str) -> list[str]:
    found = await research(ledger)
    fail_once(ledger, "after research")
    return [*found, await ask(ledger, "c")]


@step("Asking")
def ask_blocking(ledger: str, question: str) -> str:
    note(ledger, "ask", question)
    return f"answer to {question}"


@step("Researching")
def research_blocking(ledger: str) -> list[str]:
    return [ask_blocking(ledger, "a"), ask_blocking(ledger, "b")]


def nested_def(ledger: str) -> list[str]:
    found = research_blocking(ledger)
    fail_once(ledger, "after research")
    return [*found, ask_blocking(ledger, "c")]


def listing(ledger: str) -> list[str]:
    """One more, in front, in the second attempt."""
    return ["a", "b", "c"] if note(ledger, "listing") == 1 else ["new", "a", "b", "c"]


async def grown_async(ledger: str) -> list[str]:
    answers = [await ask(ledger, question) for question in listing(ledger)]
    fail_once(ledger, "after the loop")
    return answers


def grown_def(ledger: str) -> list[str]:
    answers = [ask_blocking(ledger, question) for question in listing(ledger)]
    fail_once(ledger, "after the loop")
    return answers


@step("Converting", key=lambda ledger_and_n: ledger_and_n[1])
async def convert(ledger_and_n: tuple[str, int]) -> int:
    ledger, n = ledger_and_n
    if n == 31:
        fail_once(ledger, "convert")
    note(ledger, "convert", n)
    return n * n


async def mapped_async(ledger: str) -> list[int]:
    return await convert.map([(ledger, n) for n in range(60)], at_once=7)


@step("Converting", key=lambda ledger_and_n: ledger_and_n[1])
def convert_blocking(ledger_and_n: tuple[str, int]) -> int:
    ledger, n = ledger_and_n
    if n == 31:
        fail_once(ledger, "convert")
    note(ledger, "convert", n)
    return n * n


def mapped_def(ledger: str) -> list[int]:
    return convert_blocking.map([(ledger, n) for n in range(60)], at_once=7)


STEPS = {
    "async": [fetch, summarise, ask, research, convert],
    "def": [fetch_blocking, summarise_blocking, ask_blocking, research_blocking, convert_blocking],
}
EXPECTED = {
    "fan_out": [f"summary of text {n}" for n in range(DOCUMENTS)],
    "nested": ["answer to a", "answer to b", "answer to c"],
    "grown": ["answer to new", "answer to a", "answer to b", "answer to c"],
    "mapped": [n * n for n in range(60)],
}
