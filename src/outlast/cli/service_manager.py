"""Tells systemd about this process: ready, stopping, alive. Without systemd, nothing happens."""

import asyncio
import os
import socket
from contextlib import suppress


class ServiceManager:
    """The end of `sd_notify` in a service of `Type=notify`.

    It removes the variables of systemd from the environment, so that no child process speaks for this one.
    """

    def __init__(self) -> None:
        self._address = os.environ.pop("NOTIFY_SOCKET", "")
        watched_pid = os.environ.pop("WATCHDOG_PID", str(os.getpid()))
        timeout = int(os.environ.pop("WATCHDOG_USEC", "0")) / 1e6
        self._watchdog = timeout if watched_pid == str(os.getpid()) else 0.0
        """Seconds without a message after which systemd kills this process; 0: never."""

    def ready(self, status: str) -> None:
        """The service has started; `status` is shown by `systemctl status`."""
        self._send(f"READY=1\nSTATUS={status}")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=Waiting for running analyses to finish")

    def status(self, text: str) -> None:
        self._send(f"STATUS={text}")

    async def keep_alive(self) -> None:
        """Until cancelled, tell the watchdog that the event loop runs."""
        while self._watchdog:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self._watchdog / 3)

    def _send(self, message: str) -> None:
        if self._address:
            address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, suppress(OSError):
                sender.setblocking(False)
                sender.sendto(message.encode(), address)
