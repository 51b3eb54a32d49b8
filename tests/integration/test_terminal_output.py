"""What others have written steers no terminal: names, errors and messages on their way to one."""

import asyncio
import io
import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from edge_site import make_outlast

from outlast.app import runtime_of
from outlast.cli import application, sessions, worker_status
from outlast.cli.logs import set_up_logs
from outlast.cli.main import outlast as cli
from outlast.domain.outcome import Failed
from outlast.domain.printable import CONTROL, printable, printable_json, printable_lines
from outlast.domain.progress import Progress, StepState, StepStatus
from outlast.domain.session import Claim, NewSession
from outlast.ports.store import ProgressUpdate, StartLimits
from outlast.testing.acts import claim_session, register_worker

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\x08\x7f\u202etxt.exe\u2028[red]x[/red]"
"""Titles, clears the screen, by one byte and by two, goes back, turns around, and asks for a colour."""


async def evil_session(folder: Path) -> str:
    """A session all of whose texts are hostile, held and failed by a hostile worker."""
    outlast = make_outlast(folder)
    async with outlast.lifespan():
        store = (await runtime_of(outlast).engine()).store
        new = NewSession(
            id="a" * 26, analysis=EVIL, subject=EVIL, owner="o", input="{}", queue="analysis",
            steps=(StepState("s", EVIL, 1.0, status=StepStatus.ACTIVE),), max_attempts=1, timeout=10.0, priority=0,
        )  # fmt: skip
        await store.add(new, StartLimits(10, 10))
        now = (await runtime_of(outlast).engine()).clock.now()
        register_worker(store, "w", analyses=(EVIL,), host=EVIL, version=EVIL, started_at=now, beat_at=now)
        claimed = await claim_session(store, new.id, "w")
        claim = Claim(new.id, claimed.claim)
        await store.report([ProgressUpdate(claim, Progress(10.0, 1, EVIL, new.steps))])
        await store.finish(claim, Failed(EVIL, "failed", "r" * 8, new.steps))
    return new.id


@pytest.fixture
async def session_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    session_id = await evil_session(tmp_path)
    for command in (sessions, worker_status):
        monkeypatch.setattr(command, "load_app", lambda _name: make_outlast(tmp_path))
    return session_id


COMMANDS = ("list", "show", "watch", "status", "list --json", "show --json", "status --json")


@pytest.mark.parametrize("command", COMMANDS)
async def test_commands_print_none_of_it(session_id: str, command: str):
    verb, *flags = command.split()
    group = "workers" if verb == "status" else "sessions"
    arguments = [group, verb, *flags, *([session_id] if verb in {"show", "watch"} else [])]
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    printed = result.stdout + result.stderr
    assert result.exit_code in {0, 1}, printed
    assert printed
    assert not CONTROL.search(printed.replace("\n", "")), ascii(printed)
    if flags:
        told = json.loads(result.stdout)
        assert EVIL in (told if isinstance(told, dict) else told[0]).values()
    elif verb == "show":
        assert "[red]x[/red]" in printed


async def test_what_was_typed_is_not_repeated_raw(session_id: str):
    result = await asyncio.to_thread(CliRunner().invoke, cli, ["sessions", "show", "\x1b[2Jx"])
    assert result.exit_code == 2
    assert not CONTROL.search(result.stderr.replace("\n", ""))


def test_a_log_on_a_terminal_has_none_of_it(monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, root = Terminal(), logging.getLogger()
    before, level = root.handlers[:], logging.getLogger("outlast").level
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    try:
        set_up_logs()
        log = logging.getLogger("outlast.test")
        log.warning("A worker said %s", EVIL)
        try:
            raise ValueError(EVIL)
        except ValueError:
            log.exception("It failed for %s", EVIL)
    finally:
        root.handlers[:] = before
        logging.getLogger("outlast").setLevel(level)
    shown = terminal.getvalue()
    assert "A worker said" in shown
    assert "ValueError" in shown
    for piece in ("\x1b]0;", "\x1b[2J", "\x9b", "\x07", "\u202e", "\u2028", "\x7f", "\r", "\x08"):
        assert piece not in shown, ascii(piece)


def test_text_is_spelled_out_on_one_line_or_on_its_own_lines():
    assert printable("a\x1b[2J\nb\x9b\u202ec") == "a\\x1b[2J\\x0ab\\x9b\\u202ec"
    assert printable_lines("a\x1b\n\tb") == "a\\x1b\n    b"
    assert printable("Grüße 👍🏽 مرحبا") == "Grüße 👍🏽 مرحبا"


@pytest.mark.parametrize("facts", [{"a": EVIL}, [EVIL, {"\x9b": "\ud800"}], "ü\x7f"])
def test_json_stays_the_same_json(facts: Any):
    text = json.dumps(facts, indent=2, ensure_ascii=False)
    assert json.loads(printable_json(text)) == facts
    assert not CONTROL.search(printable_json(text).replace("\n", ""))


def test_the_commands_share_one_way_to_print_facts(capsys: pytest.CaptureFixture[str]):
    application.print_json({"a": EVIL})
    assert not CONTROL.search(capsys.readouterr().out.replace("\n", ""))
