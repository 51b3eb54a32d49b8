"""`outlast queue pause` and `resume`, and queues with weights, as people type them."""

import json
from collections import Counter

import pytest
from processes import Installation, wait_until

pytestmark = pytest.mark.slow

SOURCE = """
@outlast.analysis("quick", queue="fast")
async def quick(name: str) -> str:
    note("quick", name)
    return name

@outlast.analysis("slow", queue="slow")
async def slow(name: str) -> str:
    note("slow", name)
    return name
"""


def test_a_paused_queue_waits_calmly_and_goes_on_when_it_is_resumed(tmp_path):
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=1))
        assert "is paused." in installation.command("queue", "pause", "slow").output(30)
        waiting = visitor.start("slow", name="a")
        visitor.wait_for(visitor.start("quick", name="b"), "completed", within=20)
        paused = visitor.snapshot(waiting)
        assert (paused["paused"], paused["stalled"], paused["tone"]) == (True, False, "quiet")
        assert paused["notice"] == "This is paused for now; your analysis waits and will start by itself."
        assert not installation.effects("slow")
        again = json.loads(installation.command("queue", "pause", "slow", "--json").output(30))
        assert again == {
            "kind": "queue",
            "name": "slow",
            "changed": False,
            "pauses": [{"kind": "queue", "name": "slow"}],
        }
        assert "is resumed." in installation.command("queue", "resume", "slow").output(30)
        assert visitor.wait_for(waiting, "completed", within=5)["paused"] is False
        assert installation.command("queue", "resume", "slow").wait(30) == 1


def test_an_analysis_is_paused_by_its_name_and_mistakes_are_explained(tmp_path):
    with Installation(tmp_path, SOURCE) as installation:
        assert installation.command("migrate").wait(30) == 0
        assert installation.command("queue", "pause", "--analysis", "quick").wait(30) == 0
        unknown = installation.command("queue", "pause", "fsat")
        assert unknown.wait(30) == 0
        assert "this application has no such queue" in unknown.log
        for arguments in ([], ["slow", "--analysis", "slow"]):
            wrong = installation.command("queue", "pause", *arguments)
            assert wrong.wait(30) == 2
            assert "Name either a queue" in wrong.log


def test_what_commands_change_is_in_the_audit_log_with_who_typed_them(tmp_path):
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=1))
        installation.command("queue", "pause", "slow").wait(30)
        waiting = visitor.start("slow", name="a")
        for words in (
            ["sessions", "cancel", waiting],
            ["sessions", "retry", waiting],
            ["sessions", "retry", waiting, "--dry-run"],
            ["queue", "retry", "all", "--code", "timeout"],
            ["workers", "pause"],
            ["cleanup", "--hours", "5"],
            ["cleanup", "--dry-run"],
        ):
            installation.command(*words).wait(30)
        lines = json.loads(installation.command("audit", "--json").output(30))
        assert [(line["action"], line["target"]) for line in lines if line["action"] != "workers pause"] == [
            ("cleanup", "older than 5 h"),
            ("queue retry", "status=failed, code=timeout"),
            ("sessions retry", waiting),
            ("sessions cancel", waiting),
            ("queue pause", "queue slow"),
        ]
        (paused,) = [line for line in lines if line["action"] == "workers pause"]
        assert paused["target"].startswith("w-")
        assert all(line["actor"].startswith("command line, ") and "@" in line["actor"] for line in lines)
        first = json.loads(installation.command("audit", "--json", "--limit", "2").output(30))
        rest = json.loads(installation.command("audit", "--json", "--after", first[-1]["id"]).output(30))
        assert first + rest == lines
        assert "queue slow" in installation.command("audit", "--action", "queue pause", "--since", "1h").output(30)
        none = installation.command("audit", "--actor", "nobody at all")
        assert (none.wait(30), "No line of the audit log matches." in none.log) == (0, True)
        assert installation.command("audit", "--since", "never").wait(30) == 2


def test_queues_with_weights_share_the_places_of_a_worker(tmp_path):
    with Installation(tmp_path, SOURCE) as installation:
        visitor = installation.visitor(installation.serve(workers=0))
        for n in range(40):
            visitor.start("slow", name=f"{n}")
        for n in range(40):
            visitor.start("quick", name=f"{n}")
        installation.worker("--concurrency", "1", "--queue", "fast=3", "--queue", "slow=1")
        wait_until(lambda: len(installation.effects()) == 80, 60, "the end of all sessions")
        begun = Counter(line[0] for line in installation.effects()[:40])
        assert begun == {"quick": 30, "slow": 10}
        refused = installation.command("workers", "start", "--queue", "fast=0")
        assert refused.wait(30) == 2
        assert "'fast=0' is not a queue" in refused.log
