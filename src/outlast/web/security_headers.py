"""The security headers of every response, and the content security policy of pages."""

import secrets
from typing import Final

from outlast.settings import Settings

Header = tuple[bytes, bytes]

FOR_EVERYTHING: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
"""A response that has a header of the same name keeps its own."""
HSTS: Final[Header] = (b"strict-transport-security", b"max-age=31536000")
"""Only this host for a year: its subdomains may belong to others."""


def response_headers(settings: Settings) -> tuple[Header, ...]:
    """The headers of every response of a site."""
    public = settings.public_url
    return (*FOR_EVERYTHING, HSTS) if public is not None and public.startswith("https:") else FOR_EVERYTHING


def new_nonce() -> str:
    """A nonce for the inline scripts and styles of one page."""
    return secrets.token_urlsafe(16)


def page_policy(nonce: str, form_target: str | None) -> str:
    """The content security policy of a page; its forms may also lead to the origin `form_target`."""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data:",
            "object-src 'none'",
            f"form-action 'self'{' ' + form_target if form_target else ''}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
