"""Describes the model's endpoint to visitors (pure)."""

import ipaddress
from urllib.parse import urlsplit

_OWN = (".local", ".internal", ".lan", ".home.arpa", ".localhost")


def describe_endpoint(base_url: str) -> str:
    """Name a public host; of a private one say only that the texts stay with the site."""
    host = urlsplit(base_url).hostname or ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        if host == "localhost" or host.endswith(".localhost"):
            return "on this site's own machine"
        return "in this site's own network" if "." not in host or host.endswith(_OWN) else f"at {host}"
    if address.is_loopback:
        return "on this site's own machine"
    return "in this site's own network" if address.is_private else f"at {host}"
