"""One owner's large files do not take the processor from everybody else."""

import gzip
import time
from pathlib import Path

import pytest
from processes import Installation

from outlast_reviews.invented import SAMPLE

ROWS = 12_000
FILES = 5


@pytest.mark.slow
def test_a_bystander_is_served_beside_five_files_that_were_made_to_cost_the_most(tmp_path: Path) -> None:
    text = "got for free, a b c " * 8
    table = "rating,date,text,reviewer\n" + "".join(
        f'5,2018-0{n % 9 + 1}-{n % 28 + 1:02},"{n} {text} {n}",Person {n}\n' for n in range(ROWS)
    )
    files = [gzip.compress(f"{table}5,2018-01-01,file {n},Nobody\n".encode(), 1) for n in range(FILES)]
    register = "from outlast_reviews.analysis import register\nregister(outlast)\n"
    with Installation(tmp_path, register) as installation:
        server = installation.serve(1)
        hostile, bystander = installation.visitor(server), installation.visitor(server)

        def seconds() -> float:
            began = time.monotonic()
            bystander.wait_for(bystander.start("product", source=SAMPLE), "completed", within=120)
            return time.monotonic() - began

        alone = sorted(seconds() for _ in range(3))[1]
        uploads = [hostile.upload(file, f"{n}.csv.gz") for n, file in enumerate(files)]
        sessions = [hostile.start("product", source=upload) for upload in uploads]
        for session in sessions:
            hostile.wait_for(session, "processing", within=60)
        beside = [seconds() for _ in range(4)]
        assert any(hostile.snapshot(session)["status"] == "processing" for session in sessions)
    assert min(beside) <= 4 * alone, f"alone {alone:.1f} s, beside {beside}"  # by equal shares it would be 6 times
