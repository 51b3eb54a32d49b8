"""The server's side of HTTP/1.1, with a limit on the head of a request, which the parser itself has not."""

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 64 * 1024
"""Bytes of the first line, the headers and the trailers of one request together."""


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's own protocol; a request whose head goes on and on is refused, and its connection closed."""

    _in_head = False
    _arrived = 0
    """Bytes since the request began, while its head lasts."""
    _named = 0
    """Bytes of all its headers, trailers among them."""

    def data_received(self, data: bytes) -> None:
        arrived = self._arrived + len(data)
        super().data_received(data)
        if self._in_head:
            self._arrived = arrived
            if arrived > LARGEST_HEAD and not self.transport.is_closing():
                self.send_400_response("The head of this request is too large.")

    def on_message_begin(self) -> None:
        self._in_head, self._arrived, self._named = True, 0, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._named += len(name) + len(value)
        if self._named > LARGEST_HEAD:
            raise httptools.HttpParserError("The head of this request is too large.")
        if self._in_head:  # uvicorn would add what trails the body to headers that have been judged already
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()
