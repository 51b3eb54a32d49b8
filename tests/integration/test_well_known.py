"""Files that a host publishes below `/.well-known/`: for everybody, as made at the request, and nothing else."""

from pathlib import Path

import httpx
import pytest

from outlast import Outlast, Settings
from sqlite_template import with_store


@pytest.fixture
def outlast(tmp_path: Path) -> Outlast:
    return Outlast(Settings(data_dir=with_store(tmp_path)), owner=lambda _: None, anonymous=False)


async def test_everybody_reads_what_is_published(outlast: Outlast):
    made: list[int] = []
    outlast.well_known("key.json", lambda: f"[{made.append(1) or len(made)}]")
    outlast.well_known("notes.txt", "Ä".encode)
    async with outlast.lifespan():
        transport = httpx.ASGITransport(outlast.asgi())
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            for expected in ("[1]", "[2]"):
                answer = await client.get("/.well-known/key.json")
                assert (answer.status_code, answer.text) == (200, expected)
                assert answer.headers["content-type"] == "application/json"
                assert "max-age" in answer.headers["cache-control"]
            assert (await client.get("/.well-known/notes.txt")).text == "Ä"
            assert (await client.post("/.well-known/key.json")).status_code == 405
            for other in ("other.json", "security.txt", "..%2fapp.key"):
                assert (await client.get(f"/.well-known/{other}")).status_code == 404


@pytest.mark.parametrize("name", ["", "Key.json", "a/b", ".hidden", "x" * 101, "security.txt", "taken.txt"])
def test_names_that_cannot_be_published_are_refused(outlast: Outlast, name: str):
    outlast.well_known("taken.txt", str)
    with pytest.raises(ValueError, match=r"needs a name|already"):
        outlast.well_known(name, str)


def test_what_makes_a_file_takes_no_arguments(outlast: Outlast):
    for make in (lambda _: "", "text", None):
        with pytest.raises(TypeError, match=r"make of the file 'a\.txt'"):
            outlast.well_known("a.txt", make)  # type: ignore[arg-type] - that is the mistake
