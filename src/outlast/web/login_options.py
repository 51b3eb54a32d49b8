"""The options about the host's logins, checked without importing a web framework, as workers have them too."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

OwnerOf = Callable[["Request"], str | Awaitable[str | None] | None]
"""Takes a request and returns the name of its user, or `None` for an anonymous visitor; may be `async def`."""
LOGIN_URL = re.compile(r"/(?![/\\]).*|https?://[^/].*")


@dataclass(frozen=True, slots=True)
class LoginOptions:
    """How the host says who makes a request, and whether anonymous visitors are let in."""

    owner: OwnerOf | None = None
    anonymous: bool = True
    login_url: str | None = None
    """Where pages send people who must log in: a path below the host's root, or an address."""

    def __post_init__(self) -> None:
        if self.owner is None and not self.anonymous:
            raise ValueError("anonymous=False lets nobody in without owner=, which says who makes a request.")
        if self.login_url is not None and self.anonymous:
            raise ValueError("login_url is used with anonymous=False only, which requires a login.")
        if self.login_url is not None and not LOGIN_URL.fullmatch(self.login_url):
            raise ValueError(
                f"login_url is {self.login_url!r}; it is a path such as '/login', or an address that begins with "
                "https://."
            )
