"""A service tells systemd when it is ready, that it is alive, and that it stops."""

import signal
import socket

import psutil
import pytest
from processes import Installation, wait_until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("command", [("serve", "--port", "0", "--workers", "1"), ("workers", "start")])
def test_a_service_is_ready_alive_and_stopping(tmp_path, command):
    told = []
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        Installation(tmp_path, "", NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="300000") as site,
    ):
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)

        def hears(what):
            try:
                while True:
                    told.append(manager.recv(1024).decode())
            except BlockingIOError:
                return sum(what in message for message in told)

        process = site.command(*command)
        wait_until(lambda: hears("READY=1\nSTATUS="), 30, "being ready")
        wait_until(lambda: hears("WATCHDOG=1") >= 3, 10, "being alive")
        (worker,) = wait_until(lambda: process.workers, 10, "a worker")
        assert "NOTIFY_SOCKET" not in psutil.Process(worker).environ()
        process.signal(signal.SIGTERM)
        wait_until(lambda: hears("STOPPING=1"), 10, "stopping")
        assert process.wait(10) == 0
        ready = [message for message in told if message.startswith("READY=1")]
        assert ("Serving on http://" in ready[0]) == (command[0] == "serve")
        assert told.index(ready[0]) < min(n for n, message in enumerate(told) if "STOPPING" in message)
