"""Where a model is asked, in words for visitors (pure)."""

import ipaddress
from urllib.parse import urlsplit

_OWN = (".local", ".internal", ".lan", ".home.arpa", ".localhost")


def whereabouts(base_url: str) -> str:
    """A public host by its name; of others only that the texts stay with the site."""
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
