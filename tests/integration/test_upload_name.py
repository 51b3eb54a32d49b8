"""What an uploaded file was called is known to the analysis, wherever it runs, and to the check of its start."""

import asyncio
import io

import pytest

from outlast import InvalidInput, Outlast, Upload
from outlast.app import runtime_of
from outlast.settings import load_settings
from sqlite_template import with_store


async def checked(file: Upload) -> None:
    if (await file.aname()).endswith(".exe"):
        raise InvalidInput("No programs.", "/file")


def plain(file: Upload) -> str:
    return file.name()


async def awaited(file: Upload) -> str:
    return await file.aname()


@pytest.fixture
async def outlast(tmp_path):
    made = Outlast(load_settings(data_dir=with_store(tmp_path)))
    made.analysis("plain", check=checked)(plain)
    made.analysis("awaited")(awaited)
    made.analysis("apart", isolation="process")(plain)
    await runtime_of(made).open(workers=1)
    yield made
    await made.close()


async def told(outlast, analysis, name):
    upload = await outlast.upload(io.BytesIO(name.encode()), name, owner="ann")
    started = await outlast.start(analysis, owner="ann", file=upload)
    async with asyncio.timeout(60):
        async for view in outlast.watch(started.session.id):
            assert view.session.error is None
    return (await outlast.result(started.session.id)).result


@pytest.mark.slow
@pytest.mark.parametrize("analysis", ["plain", "awaited", "apart"])
async def test_the_name_is_that_of_the_file(outlast, analysis):
    assert await told(outlast, analysis, "Pillows, 2024.csv") == '"Pillows, 2024.csv"'


async def test_the_check_of_a_start_knows_it_too(outlast):
    with pytest.raises(InvalidInput):
        await told(outlast, "plain", "run.exe")
