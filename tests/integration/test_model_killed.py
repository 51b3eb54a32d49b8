"""A worker that is killed while a model is asked: what was judged is not paid for twice."""

import os
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest
from processes import Installation, wait_until

from model_server import honest, model_server

pytestmark = pytest.mark.slow

SITE = """
from outlast_reviews.analysis import register

register(outlast)
"""
BATCHES, KILLED_IN = 6, 4


def test_a_killed_worker_asks_nothing_again_about_what_was_judged(tmp_path: Path) -> None:
    reached, go = threading.Event(), threading.Event()
    with model_server() as model:

        def behave(asked):
            if len(model.asked) == KILLED_IN and not go.is_set():
                reached.set()
                go.wait(60)
            return honest(asked)

        model.behave = behave
        llm = {"BASE_URL": model.url, "MODEL": "tiny", "CONCURRENCY": "1"}
        with Installation(tmp_path, SITE, **{f"ANALYSIS_LLM_{k}": v for k, v in llm.items()}) as installation:
            server = installation.serve(workers=1)
            visitor = installation.visitor(server)
            rows = [f"{n},5,Text number {n} of this file" for n in range(20 * BATCHES)]
            content = "\n".join(["review_id,rating,text", *rows]).encode()
            session = visitor.start("product", source=visitor.upload(content, "reviews.csv"))
            assert reached.wait(60)
            judged_before = {text for asked in model.asked[: KILLED_IN - 1] for text in texts_of(asked)}
            (worker,) = wait_until(lambda: server.workers, 10)
            os.kill(worker, signal.SIGKILL)
            go.set()
            shown = visitor.wait_for(session, "completed", within=60)
        assert len(judged_before) == 20 * (KILLED_IN - 1)
        times = Counter(model.texts)
        assert {times[text] for text in judged_before} == {1}
        assert len(model.asked) == BATCHES + 1, "the batch in flight, once more, and no other"
        told = shown["result"]["report"]["method"]["model"]
        assert (told["judged"], told["not_judged"], told["remembered"]) == (120, 0, 60)
        assert [step["resumed"] for step in shown["steps"][:3]] == [True, True, True]


def texts_of(asked) -> list[str]:
    return [review["text"] for review in asked.reviews]
