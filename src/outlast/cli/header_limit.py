"""uvicorn's HTTP protocol with a limit on the size of a request's head, which the parser lacks."""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024
"""Bytes of the request line, headers and trailers of one request together."""


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol; answers a request with a larger head with 400 and closes the connection."""

    _in_head = False
    _received = 0
    """Bytes received of the current head."""
    _header_bytes = 0
    """Bytes of all headers and trailers."""

    def data_received(self, data: bytes) -> None:
        received = self._received + len(data)
        super().data_received(data)
        if self._in_head:
            self._received = received
            if received > MAX_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of this request is too large.")

    def on_message_begin(self) -> None:
        self._in_head, self._received, self._header_bytes = True, 0, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MAX_HEAD:
            raise httptools.HttpParserError("The head of this request is too large.")
        if self._in_head:  # uvicorn would append trailers to headers that are already checked
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()
