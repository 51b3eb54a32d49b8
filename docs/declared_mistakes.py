"""Every mistake that is found when a step or an analysis is declared, as code that makes it."""

from typing import Any, Final

PREAMBLE: Final = """
from __future__ import annotations
import asyncio
from datetime import date
from typing import TYPE_CHECKING, Any, Iterable, Literal
from pydantic import BaseModel, Field, SecretStr
from outlast import Export, Limit, Outlast, step
if TYPE_CHECKING:
    from decimal import Decimal
class Page(BaseModel):
    raw: bytes
outlast = Outlast()
@step("Reading")
def read(url: str) -> list[str]: ...
@step("Reading", name="read")
def read_again(url: str) -> list[str]: ...
def plain(url: str) -> None: ...
async def later(url: str) -> None: ...
"""

STEP = '@step("Counting"{})\ndef count(pages: list[str]) -> int: ...\n'
ANALYSIS = '@outlast.analysis("site"{})\ndef analyse(url: str) -> int: ...\n'

MISTAKES: Final = {
    # a step
    "`@step` without a title": "@step\ndef count(pages: list[str]) -> int: ...",
    "an empty title": '@step(" ")\ndef count(pages: list[str]) -> int: ...',
    "a step without a return annotation": '@step("Counting")\ndef count(pages: list[str]): ...',
    "a step with a return type of `if TYPE_CHECKING:`": '@step("Counting")\ndef count(n: int) -> Decimal: ...',
    "a step with a result that cannot be JSON": '@step("Counting")\ndef count(n: int) -> asyncio.Lock: ...',
    "a step with a model whose bytes would be text": '@step("Reading")\ndef pages(n: int) -> list[Page]: ...',
    "a step that is a generator": '@step("Counting")\ndef count(n: int) -> list[int]:\n    yield 1',
    "a step that is a class": '@step("Counting")\nclass Count: ...',
    "`version` of a step below 1": STEP.format(", version=0"),
    "`weight` of a step of 0 or less": STEP.format(", weight=0"),
    "`key` of a step that is no function": STEP.format(', key="id"'),
    "`key` of a step that is async": STEP.format(", key=later"),
    "`key` of a step that takes other arguments": STEP.format(", key=lambda first, second: first"),
    "a step that is a method": 'class Site:\n    @step("Counting")\n    def count(self, n: int) -> int: ...',
    "a step with an impossible name": STEP.format(', name="count all"'),
    # the function of an analysis
    "`@outlast.analysis` without a name": "@outlast.analysis\ndef analyse(url: str) -> int: ...",
    "`@outlast.analysis()` without a name": "@outlast.analysis()\ndef analyse(url: str) -> int: ...",
    "an impossible name": '@outlast.analysis("my site")\ndef analyse(url: str) -> int: ...',
    "a name twice": ANALYSIS.format("") + ANALYSIS.format(""),
    "an analysis that is a step": '@outlast.analysis("site")\n@step("Counting")\ndef both(n: int) -> int: ...',
    "an analysis that is a class": '@outlast.analysis("site")\nclass Site: ...',
    "an analysis that is a generator": '@outlast.analysis("site")\ndef analyse(n: int) -> int:\n    yield 1',
    "an analysis that is a method": (
        'class Site:\n    @outlast.analysis("site")\n    def analyse(self, url: str) -> int: ...'
    ),
    "a parameter without annotation": '@outlast.analysis("site")\ndef analyse(url) -> int: ...',
    "`*args`": '@outlast.analysis("site")\ndef analyse(*urls: str) -> int: ...',
    "`**kwargs`": '@outlast.analysis("site")\ndef analyse(**more: str) -> int: ...',
    "a positional-only parameter": '@outlast.analysis("site")\ndef analyse(url: str, /) -> int: ...',
    "a parameter with a reserved name": '@outlast.analysis("site")\ndef analyse(csrf_token: str) -> int: ...',
    "a parameter with a leading underscore": '@outlast.analysis("site")\ndef analyse(_url: str) -> int: ...',
    "a default that the annotation refuses": '@outlast.analysis("site")\ndef analyse(url: str = None) -> int: ...',
    "an input type of `if TYPE_CHECKING:`": '@outlast.analysis("site")\ndef analyse(price: Decimal) -> int: ...',
    "a return type of `if TYPE_CHECKING:`": '@outlast.analysis("site")\ndef analyse(url: str) -> Decimal: ...',
    "an input type that cannot be JSON": '@outlast.analysis("site")\ndef analyse(lock: asyncio.Lock) -> int: ...',
    "an input type without a JSON schema": '@outlast.analysis("site")\ndef analyse(kind: type) -> int: ...',
    "a return type that cannot be JSON": '@outlast.analysis("site")\ndef analyse(n: int) -> asyncio.Lock: ...',
    "a model whose bytes would be text": '@outlast.analysis("site")\ndef analyse(page: Page) -> int: ...',
    "a secret": '@outlast.analysis("site")\ndef analyse(password: SecretStr) -> int: ...',
    "text or bytes": '@outlast.analysis("site")\ndef analyse(page: str | bytes) -> int: ...',
    "text or a date": '@outlast.analysis("site")\ndef analyse(since: date | str) -> int: ...',
    "an `Iterable`": '@step("Counting")\ndef count(n: int) -> Iterable[int]: ...',
    "a member of an enum as a `Literal`": (
        "import enum\nclass Kind(enum.Enum):\n    A = 'a'\n"
        '@outlast.analysis("site")\ndef analyse(kind: Literal[Kind.A]) -> int: ...'
    ),
    "an enum whose values are tuples": (
        "import enum\nclass Kind(enum.Enum):\n    A = (1, 2)\n"
        '@outlast.analysis("site")\ndef analyse(n: int) -> Kind: ...'
    ),
    "a model with a field of two names": (
        "class Link(BaseModel):\n    source: str = Field(alias='from')\n"
        '@outlast.analysis("site")\ndef analyse(link: Link) -> int: ...'
    ),
    "an annotation in quotes with a mistake": (
        '@outlast.analysis("site")\ndef analyse(url: "asyncio.Nothing") -> int: ...'
    ),
    "an input that is an enum of objects": (
        "import enum\nclass Kind(enum.Enum):\n    A = object()\n"
        '@outlast.analysis("site")\ndef analyse(kind: Kind) -> int: ...'
    ),
    "an annotation that is no type": '@outlast.analysis("site")\ndef analyse(url: 3) -> int: ...',
    # its options
    "a misspelt option": ANALYSIS.format(", timeouts=3"),
    "an option without its name": ANALYSIS.format(", [read]"),
    "`steps` that is no list": ANALYSIS.format(", steps=read"),
    "`steps` with a plain function": ANALYSIS.format(", steps=[plain]"),
    "two steps of one name": ANALYSIS.format(", steps=[read, read_again]"),
    "`timeout` of 0 or less": ANALYSIS.format(", timeout=0"),
    "`max_attempts` below 1": ANALYSIS.format(", max_attempts=0"),
    "`max_attempts` beyond a million": ANALYSIS.format(", max_attempts=10**30"),
    "`priority` that is no whole number": ANALYSIS.format(", priority=0.5"),
    "a `Limit` without a number": ANALYSIS.format(', limit=Limit(per="url")'),
    "a `Limit` below 1": ANALYSIS.format(", limit=Limit(0)"),
    "`per_minute` of a `Limit` of 0 or less": ANALYSIS.format(", limit=Limit(per_minute=0)"),
    "`per` of a `Limit` that misspells an input field": ANALYSIS.format(', limit=Limit(1, per="ulr")'),
    "`per` of a `Limit` that is no text": ANALYSIS.format(", limit=Limit(1, per=5)"),
    "`per` of a `Limit` that takes other names": ANALYSIS.format(", limit=Limit(1, per=lambda address: address)"),
    "`per` of a `Limit` that is async": ANALYSIS.format(", limit=Limit(1, per=later)"),
    "`limit` that is a number": ANALYSIS.format(", limit=20"),
    "`limits` that is no list": ANALYSIS.format(", limits=Limit(1)"),
    "`limits` with a number": ANALYSIS.format(", limits=[20]"),
    "an impossible `queue`": ANALYSIS.format(', queue="a,b"'),
    "a misspelt `isolation`": ANALYSIS.format(', isolation="thread"'),
    "`isolation` of a function that cannot be imported": (
        "def inner():\n    @outlast.analysis(\"site\", isolation='process')\n"
        "    def analyse(url: str) -> int: ...\ninner()"
    ),
    "`longest_wait` outside of a year": ANALYSIS.format(", longest_wait=-1"),
    "`fresh_for` of 0": ANALYSIS.format(", fresh_for=0"),
    "`fresh_for` in an unknown unit": ANALYSIS.format(', fresh_for="2 weeks"'),
    "`fresh_for` that is no time": ANALYSIS.format(", fresh_for=True"),
    "`refresh_after` beyond a year": ANALYSIS.format(', fresh_for="1d", refresh_after="400d"'),
    "`shared` without `fresh_for`": ANALYSIS.format(", shared=True"),
    "`shared` that is neither true nor false": ANALYSIS.format(', fresh_for="1d", shared="yes"'),
    "`version` of an analysis below 1": ANALYSIS.format(', fresh_for="1d", version=0'),
    "an empty `title` of an analysis": ANALYSIS.format(', title=""'),
    "an `intro` that is no text": ANALYSIS.format(", intro=3"),
    "`check` that is not async": ANALYSIS.format(", check=plain"),
    "`check` that takes other names": ANALYSIS.format(", check=asyncio.sleep"),
    "`subject` that is async": ANALYSIS.format(", subject=later"),
    "`subject` that takes other names": ANALYSIS.format(", subject=lambda address: address"),
    "`render` without the `PageView`": ANALYSIS.format(", render=lambda result: ''"),
    "`page_title` that is a text": ANALYSIS.format(', page_title="The site"'),
    "an export with an impossible name": ANALYSIS.format(', exports={"My Report": Export("All", str)}'),
    "`exports` that is no dict": ANALYSIS.format(', exports=[Export("All", str)]'),
    "an export without a title": ANALYSIS.format(', exports={"a.txt": Export("", str)}'),
    "an export that is a function": ANALYSIS.format(', exports={"report.json": str}'),
    "an export whose `make` takes nothing": ANALYSIS.format(', exports={"a.txt": Export("All", lambda: "")}'),
    "`upgrade` that is async": ANALYSIS.format(", upgrade=later"),
    "`upgrade` that takes nothing": ANALYSIS.replace("{}", ", upgrade=lambda: {{}}").format(),
    "`short_forms` that is no dict": ANALYSIS.format(', short_forms=["url"]'),
    "a short form of an unknown field": ANALYSIS.format(', short_forms={"link": "address"}'),
    "a short form twice": (
        ANALYSIS.format(', short_forms={"link": "url"}')
        + ANALYSIS.format(', short_forms={"link": "url"}').replace('"site"', '"other"')
    ),
}


def said_of(code: str) -> str:
    """Run a declaration with a mistake and return the message of its error."""
    scope: dict[str, Any] = {"__name__": "site"}
    try:
        exec(PREAMBLE + code, scope)  # noqa: S102 - it is written above
    except (TypeError, ValueError) as error:
        return str(error).replace("|", "\\|")
    raise AssertionError(f"Nothing is found in:\n{code}")
