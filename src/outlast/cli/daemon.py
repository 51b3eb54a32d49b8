"""Starts a supervisor in the background, and waits until its workers are alive."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from select import select
from typing import Any

import click

from outlast.cli.application import Refused, shown_command
from outlast.cli.log_file import LogFile
from outlast.domain.printable import printable

START_WITHIN = 60.0
"""Seconds that the workers may take to start."""
LINES_SHOWN = 5
"""Lines of the log that are shown if they do not."""


def start_in_background(app_name: str | None, arguments: Sequence[str], data_path: Path) -> None:
    """Start `outlast workers start` with these arguments in the background; return once its workers are alive.

    It has no terminal and belongs to no session of one. Raises `Refused` if the workers do not start; then nothing
    is left running.
    """
    log = LogFile.open(data_path)
    ready, tell = os.pipe()
    size = log.path.stat().st_size
    target = ["--app", app_name] if app_name else []
    hidden = ["--detached", str(tell), "--log-file", str(log.path)]
    try:
        first = subprocess.Popen(  # noqa: S603 - this program
            [sys.executable, "-m", "outlast", "workers", "start", *target, *arguments, *hidden],
            stdin=subprocess.DEVNULL,
            stdout=log.descriptor,
            stderr=log.descriptor,
            pass_fds=(tell,),
            start_new_session=True,
        )
    finally:
        os.close(tell)
        log.close()
    first.wait()
    answers = _Answers(ready)
    try:
        answer = answers.wait(START_WITHIN)
    except KeyboardInterrupt:
        answer = {"error": "You have stopped it."}
    finally:
        os.close(ready)
    if "workers" not in answer:
        if answers.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(answers.pid, signal.SIGTERM)
        lines = log.path.read_bytes()[size:].decode(errors="replace").splitlines()[-LINES_SHOWN:]
        shown = "".join(f"\n  {printable(line)}" for line in lines)
        raise Refused(
            f"The workers did not start: {answer['error']} The log is {log.path}{':' if shown else ''}{shown}"
        )
    workers = answer["workers"]
    click.echo(
        f"Supervisor {answer['supervisor']} (pid {answers.pid}) runs {workers} worker"
        f"{'' if workers == 1 else 's'} in the background. The log is {log.path}\n"
        f"See them with `{shown_command('workers status', app_name)}`; "
        f"stop them with `{shown_command('workers stop', app_name)}`."
    )


def detach(tell: int) -> "StartReply":
    """Leave the process that leads the new session, so that no terminal can become the controlling one."""
    if os.fork():
        os._exit(0)
    os.set_inheritable(tell, False)
    starter = StartReply(tell)
    starter.say(pid=os.getpid())
    return starter


class StartReply:
    """The end of the pipe at which the command waits that has started this process."""

    def __init__(self, tell: int) -> None:
        self._tell: int | None = tell

    def say(self, **facts: Any) -> None:
        """Say this as one line, even if nobody listens any longer."""
        if self._tell is not None:
            with suppress(OSError):
                os.write(self._tell, json.dumps(facts).encode() + b"\n")

    def finish(self, **facts: Any) -> None:
        """Say the last line."""
        self.say(**facts)
        if self._tell is not None:
            os.close(self._tell)
        self._tell = None


class _Answers:
    """What the supervisor says while it starts."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.pid: int | None = None

    def wait(self, within: float) -> dict[str, Any]:
        """Return its last line: its workers, or an error."""
        end, received = time.monotonic() + within, b""
        while (remaining := end - time.monotonic()) > 0:
            if not select([self._descriptor], [], [], remaining)[0]:
                break
            more = os.read(self._descriptor, 4096)
            if not more:
                return {"error": "It has ended."}
            *lines, received = (received + more).split(b"\n")
            for line in lines:
                facts = json.loads(line)
                if "pid" not in facts:
                    return facts
                self.pid = facts["pid"]
        return {"error": f"They were not alive within {within:.0f} s."}
