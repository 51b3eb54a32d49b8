"""Reads `X-Forwarded-Prefix`, the path that a trusted proxy has stripped from a request."""

from ipaddress import ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

from outlast.web.mounting import PREFIX


class ForwardedPrefix:
    """Puts that path in front of the request's path and `root_path`, as servers do with `--root-path`."""

    def __init__(self, app: ASGIApp, trusted_proxies: tuple[str, ...]) -> None:
        self._app = app
        self._trusted = [ip_network(proxy) for proxy in trusted_proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"} and (prefix := self._prefix(scope)):
            root, path = prefix + scope.get("root_path", ""), prefix + scope["path"]
            raw_path = prefix.encode() + (scope.get("raw_path") or b"")
            scope = {**scope, "root_path": root, "path": path, "raw_path": raw_path}
        await self._app(scope, receive, send)

    def _prefix(self, scope: Scope) -> str:
        given = next((value for name, value in scope["headers"] if name == b"x-forwarded-prefix"), b"")
        if not given or not self._trusts(scope.get("client")):
            return ""
        prefix = given.decode("latin-1").strip().rstrip("/")
        return prefix if PREFIX.fullmatch(prefix) else ""

    def _trusts(self, client: tuple[str, int] | None) -> bool:
        try:
            address = ip_address(client[0]) if client else None
        except ValueError:  # a Unix socket has no address
            return False
        return address is not None and any(address in network for network in self._trusted)
