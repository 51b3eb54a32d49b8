"""The same work for huey with SQLite, the peer of the embedded store."""

import os
import socket
import time

from huey import SqliteHuey

huey = SqliteHuey(filename=os.environ["BENCH_HUEY"])
_socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)


@huey.task()
def stamp(n: int) -> None:
    _socket.sendto(b"%d %.9f" % (n, time.monotonic()), os.environ["BENCH_EAR"])


@huey.task()
def nothing(n: int) -> int:
    return n
