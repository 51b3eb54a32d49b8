"""A wall clock for the PostgreSQL server alone; steps of it leave its monotonic clock unchanged.

A library that is preloaded into the server's processes adds the seconds that it reads in a mapped file to the real
time. Where no compiler is, `clock_timestamp()` is shadowed in the database instead.
"""

import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Protocol

import psycopg

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t none;
static volatile int64_t *ahead = &none;
static int (*real_clock_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("CHAOS_CLOCK");
    int file = path ? open(path, O_RDONLY) : -1;
    real_clock_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    if (file >= 0) {
        void *mapped = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
        if (mapped != MAP_FAILED)
            ahead = mapped;
        close(file);
    }
}

int clock_gettime(clockid_t id, struct timespec *at)
{
    if (!real_clock_gettime)
        begin();
    int failed = real_clock_gettime(id, at);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        at->tv_sec += *ahead;
    return failed;
}

int gettimeofday(struct timeval *at, void *zone)
{
    struct timespec now;
    int failed = clock_gettime(CLOCK_REALTIME, &now);
    (void)zone;
    if (!failed) {
        at->tv_sec = now.tv_sec;
        at->tv_usec = now.tv_nsec / 1000;
    }
    return failed;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
"""
SHADOW = """
CREATE SCHEMA chaos_clock;
CREATE TABLE chaos_clock.ahead (seconds bigint NOT NULL);
INSERT INTO chaos_clock.ahead VALUES (0);
CREATE FUNCTION chaos_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
AS 'SELECT pg_catalog.clock_timestamp() + make_interval(secs => seconds) FROM chaos_clock.ahead';
ALTER DATABASE postgres SET search_path = public, chaos_clock, pg_catalog;
"""


class ServerClock(Protocol):
    """The clock of one server."""

    environment: dict[str, str]
    """Environment variables for the server."""
    how: str

    def prepare(self, url: str) -> None:
        """Set up the running server, before any client connects."""

    def step(self, seconds: int) -> None: ...

    def close(self) -> None: ...


class PreloadedClock:
    """A preloaded library: steps every wall clock that the server's processes read."""

    how = "preloaded"

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="chaos-clock-"))
        self._folder.chmod(0o755)  # the server runs as another user
        source, library = self._folder / "clock.c", self._folder / "clock.so"
        source.write_text(SOURCE)
        command = ["gcc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"]
        subprocess.run(command, check=True, capture_output=True)
        self._ahead = 0
        self._file = self._folder / "ahead"
        self._file.write_bytes(struct.pack("=q", 0))
        self._file.chmod(0o644)
        self.environment = {"LD_PRELOAD": str(library), "CHAOS_CLOCK": str(self._file)}

    def prepare(self, url: str) -> None:
        pass

    def step(self, seconds: int) -> None:
        self._ahead += seconds
        with self._file.open("r+b") as file:
            file.write(struct.pack("=q", self._ahead))

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)


class ShadowClock:
    """The fallback: shadows `clock_timestamp()` in this database only."""

    how = "shadowed"

    def __init__(self) -> None:
        self.environment: dict[str, str] = {}
        self._url = ""

    def prepare(self, url: str) -> None:
        self._url = url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SHADOW)

    def step(self, seconds: int) -> None:
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("UPDATE chaos_clock.ahead SET seconds = seconds + %s", (seconds,))

    def close(self) -> None:
        pass


def server_clock() -> ServerClock:
    return PreloadedClock() if shutil.which("gcc") else ShadowClock()
