"""What a client may do to its connection: the time it may take, and how many there are."""

import asyncio
import errno
import logging
import socket
from typing import Any

import pytest
from raw_wires import GET, PATIENCE, RunningServer, Wire, running
from starlette.types import Receive, Scope, Send

from outlast.cli.connections import TimeLimits
from outlast.cli.listener import MAX_OVERFLOW

TIMES = TimeLimits()
SOON, LATER = 1.0, 10_000.0


class App:
    """Answers at once; `/held` when it is let go, `/body` when the body has come, `/large` with more than fits."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go = asyncio.Event()
        self.left = asyncio.Event()
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.entered.set()
        self.headers = scope["headers"]
        body = b"fine"
        match scope["path"]:
            case "/held":
                await self.go.wait()
            case "/body":
                while (message := await receive()).get("more_body"):
                    pass
                if message["type"] == "http.disconnect":
                    self.left.set()
                    return
            case "/watched":
                while (await receive())["type"] != "http.disconnect":
                    pass
                self.left.set()
                return
            case "/large":
                body = b"x" * 30_000_000
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
async def app() -> App:
    return App()


@pytest.fixture
async def running_server(app: App):
    async with running(app) as running_server:
        yield running_server


def _post(path: bytes, length: int) -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (path, length)


async def test_a_head_that_is_never_finished_is_answered_408(running_server: RunningServer):
    wires = [await running_server.connect(b"GET / HTTP/1.1\r\nHost: loc") for _ in range(20)]
    await running_server.until(20)
    await _read_by(running_server, 20)
    running_server.pass_time(TIMES.head - SOON)
    assert len(running_server.connections) == 20
    running_server.pass_time(TIMES.head + SOON)
    for wire in wires:
        assert (await wire.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_head_that_comes_byte_by_byte_has_no_more_time(running_server: RunningServer):
    wire = await running_server.connect(b"G")
    await _read_by(running_server, 1)
    for byte in b"ET / HTTP/1.1\r\n":
        await wire.send_all(bytes([byte]))
    running_server.pass_time(TIMES.head + SOON)
    assert (await wire.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_connection_that_says_nothing_is_closed(running_server: RunningServer):
    wire = await running_server.connect()
    await running_server.until(1)
    running_server.pass_time(TIMES.head + SOON)
    assert await wire.rest() == b""


async def test_a_connection_that_says_nothing_more_is_closed(running_server: RunningServer):
    wire = await running_server.connect(GET % b"/")
    assert (await wire.answer()).startswith(b"HTTP/1.1 200 ")
    running_server.pass_time(TIMES.idle - SOON)
    assert len(running_server.connections) == 1
    running_server.pass_time(TIMES.idle + SOON)
    assert await wire.rest() == b""


async def test_blank_lines_do_not_keep_a_silent_connection(running_server: RunningServer):
    wire = await running_server.connect(GET % b"/")
    await wire.answer()
    await wire.send_all(b"\r\n\r\n")
    await asyncio.sleep(0)
    running_server.pass_time(TIMES.idle + SOON)
    assert await wire.rest() == b""


async def test_the_second_head_of_a_connection_has_a_limit_too(running_server: RunningServer):
    wire = await running_server.connect(GET % b"/")
    await wire.answer()
    wire.send(b"GET / HTTP/1.1\r\n")
    await _read_by(running_server, 1)
    running_server.pass_time(TIMES.head + SOON)
    assert (await wire.rest()).startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_does_not_come_is_answered_408(running_server: RunningServer, app: App):
    wire = await running_server.connect(_post(b"/body", 1_000))
    await app.entered.wait()
    running_server.pass_time(TIMES.body - SOON)
    assert len(running_server.connections) == 1
    running_server.pass_time(TIMES.body + SOON)
    assert (await wire.rest()).startswith(b"HTTP/1.1 408 ")
    await app.left.wait()


async def test_a_body_has_the_time_that_its_bytes_need(running_server: RunningServer, app: App):
    wire = await running_server.connect(_post(b"/body", 60_000) + b"x" * 50_000)
    await app.entered.wait()
    await _read_by(running_server, 1)
    running_server.pass_time(TIMES.body + 50_000 / TIMES.body_rate - SOON)
    wire.send(b"x" * 10_000)
    assert (await wire.answer()).startswith(b"HTTP/1.1 200 ")


async def test_an_answer_may_take_any_time(running_server: RunningServer, app: App):
    wire = await running_server.connect(GET % b"/held")
    await app.entered.wait()
    running_server.pass_time(LATER)
    app.go.set()
    assert (await wire.answer()).startswith(b"HTTP/1.1 200 ")


async def test_an_unread_response_times_out(running_server: RunningServer):
    wire = await running_server.connect(GET % b"/large")
    async with asyncio.timeout(10):
        while not any(c.transport.get_write_buffer_size() for c in running_server.connections):  # noqa: ASYNC110 - the transport has no event for it
            await asyncio.sleep(0.005)
    for seconds in (0.0, 1.0):  # it has been sent nothing of since then
        running_server.pass_time(seconds)
    assert len(running_server.connections) == 1
    running_server.pass_time(TIMES.unread + 2 * SOON)
    await running_server.until(0)
    assert len(await wire.rest()) < 30_000_000


async def test_a_body_that_nobody_reads_is_cut_off_after_its_answer(running_server: RunningServer):
    wire = await running_server.connect(
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    answer = await wire.answer()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close" in answer
    with pytest.raises(ConnectionError):
        await wire.send_all(b"10000\r\n" + b"x" * 0x10000 + b"\r\n", times=1_000)
    await running_server.until(0)


async def test_the_answer_arrives_though_the_body_is_on_its_way(running_server: RunningServer):
    wire = await running_server.connect(_post(b"/", 900_000) + b"x" * 900_000)
    assert (await wire.rest()).endswith(b"fine")


async def test_a_body_that_is_not_sent_on_after_the_answer_is_not_waited_for(running_server: RunningServer):
    wire = await running_server.connect(_post(b"/", 1_000))
    await wire.answer()
    running_server.pass_time(TIMES.linger + SOON)
    await running_server.until(0)


async def test_a_small_body_that_has_come_whole_keeps_the_connection(running_server: RunningServer):
    wire = await running_server.connect(_post(b"/", 2) + b"{}")
    assert b"connection: close" not in await wire.answer()
    wire.send(GET % b"/")
    assert (await wire.answer()).startswith(b"HTTP/1.1 200 ")


async def test_what_trails_a_body_is_no_header(running_server: RunningServer, app: App):
    head = b"POST /body HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    wire = await running_server.connect(head + b"1\r\nx\r\n0\r\nHost: evil.example\r\n\r\n")
    assert (await wire.answer()).startswith(b"HTTP/1.1 200 ")
    assert [value for name, value in app.headers if name == b"host"] == [b"localhost"]


async def test_a_request_behind_another_does_not_hide_that_the_client_has_gone(
    running_server: RunningServer, app: App
):
    wire = await running_server.connect(GET % b"/watched" + GET % b"/")
    await app.entered.wait()
    await wire.close()
    async with asyncio.timeout(10):
        await app.left.wait()


async def test_what_is_no_request_does_not_break_into_an_answer(running_server: RunningServer, app: App):
    wire = await running_server.connect(GET % b"/held" + b"\x00\x01\x02\r\n\r\n")
    answer = await wire.rest()
    app.go.set()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_pause_of_the_server_is_nobodys_slowness(
    running_server: RunningServer, monkeypatch: pytest.MonkeyPatch
):
    wire = await running_server.connect(b"GET / HTTP/1.1\r\nHost: loc")
    await _read_by(running_server, 1)
    for connection in running_server.connections:
        connection._deadline = 0.0  # long over
        monkeypatch.setattr(running_server.server, "_connections", [connection] * 10)
    monkeypatch.setattr(running_server.server, "_ticked_at", 0.0)
    await running_server.server.on_tick(1)
    wire.send(b"alhost\r\n\r\n")
    assert (await wire.answer()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("kept", "part"),
    [(False, 0), (False, 10), (False, None), (True, 10), (True, None)],
    ids=["new", "new, half a head", "new, a request", "kept alive, half a head", "kept alive, a request"],
)
async def test_a_request_that_comes_as_the_server_shuts_down_is_answered(
    running_server: RunningServer, kept: bool, part: int | None
):
    """A proxy does not send a start a second time: its visitor would see a 502."""
    request = GET % b"/"
    wire = await running_server.connect(request if kept else b"")
    await running_server.until(1)
    if kept:
        assert b"fine" in await wire.answer()
    (connection,) = running_server.connections
    first = request[:part]
    wire.send(first)
    if part:
        async with asyncio.timeout(PATIENCE):
            while not connection._in_head:  # noqa: ASYNC110 - the server has no event for it
                await asyncio.sleep(0.005)
    running_server.server.draining = True
    connection.shutdown()
    await asyncio.sleep(0.02)
    wire.send(request[len(first) :])
    answer = await wire.rest()
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer.lower()


@pytest.mark.slow
async def test_a_silent_connection_does_not_hold_up_the_shutdown(running_server: RunningServer):
    wire = await running_server.connect()
    await running_server.until(1)
    running_server.connections[0].shutdown()
    assert await wire.rest() == b""


async def test_beyond_the_limit_503_is_answered_and_health_probes_are():
    async with running(App(), max_connections=5) as running_server:
        for _ in range(5):
            await running_server.connect()
        await running_server.until(5)
        for _ in range(3 * MAX_OVERFLOW):  # they come and say nothing
            await running_server.connect()
        refused = await running_server.connect(GET % b"/")
        answer = await refused.rest()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: " in answer
        page = await running_server.connect(GET[:-2] % b"/" + b"Accept: text/html\r\n\r\n")
        assert b"<a href" in await page.rest()
        for path in (b"/livez", b"/readyz"):
            probe = await running_server.connect(GET % path)
            assert (await probe.rest()).startswith(b"HTTP/1.1 200 ")
        assert len(running_server.connections) <= 5 + MAX_OVERFLOW
        for _ in range(2):  # first they are told, then they are not waited for
            running_server.pass_time(TIMES.refused + SOON)
        await running_server.until(5)
        await running_server.wires[0].close()
        await running_server.until(4)
        assert (await (await running_server.connect(GET % b"/")).answer()).startswith(b"HTTP/1.1 200 ")


async def test_the_limit_is_logged_once_with_a_count(caplog: pytest.LogCaptureFixture):
    async with running(App(), max_connections=1) as running_server:
        await running_server.connect()
        await running_server.until(1)
        for _ in range(50):
            assert (await (await running_server.connect(GET % b"/")).rest()).startswith(b"HTTP/1.1 503 ")
    assert len([r for r in caplog.records if r.levelno >= logging.WARNING]) == 1


async def test_without_descriptors_health_is_answered_and_the_log_stays_short(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    accept = socket.socket.accept

    def exhausted(listening: socket.socket) -> Any:
        """As the system says it while all descriptors are in use."""
        if running_server.server._listener._spares:
            raise OSError(errno.EMFILE, "Too many open files")
        return accept(listening)

    async with running(App()) as running_server:
        monkeypatch.setattr(socket.socket, "accept", exhausted)
        probe: Wire = await running_server.connect(GET % b"/livez")
        assert (await probe.rest()).startswith(b"HTTP/1.1 200 ")
        refused = await running_server.connect(GET % b"/")
        assert (await refused.rest()).startswith(b"HTTP/1.1 503 ")
        monkeypatch.undo()
        running_server.server._listener._recover()
        assert (await (await running_server.connect(GET % b"/")).answer()).startswith(b"HTTP/1.1 200 ")
    assert len([r for r in caplog.records if "descriptors" in r.getMessage()]) == 1


async def _read_by(running_server: RunningServer, count: int) -> None:
    """Until the server has seen what so many connections sent."""
    async with asyncio.timeout(10):
        while sum(c._received > 0 or c._body_bytes > 0 for c in running_server.connections) < count:  # noqa: ASYNC110 - the parser has no event for it
            await asyncio.sleep(0.005)
