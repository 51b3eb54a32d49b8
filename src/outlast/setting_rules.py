"""What values settings may have: each function returns the value, or raises `ValueError` with a reason."""

import re
from contextlib import suppress
from datetime import time
from ipaddress import ip_network
from urllib.parse import unquote, urlsplit

from outlast.domain.guessable_keys import is_guessable

SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
"""Names of environment variables with secret values."""
PASSWORD_IN_QUERY = re.compile(r"password=([^&#\s]+)", re.IGNORECASE)
POSTGRES = ("postgresql://", "postgres://", "postgresql+psycopg://")
SHORTEST_KEY = 32
"""Minimum number of characters of a signing key."""
ORIGIN = re.compile(r"https?://(?:[a-z0-9_.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
CONTACT = re.compile(r"(?:mailto:|https://|tel:)[!-~]+")
TIME_OF_DAY = re.compile("(?:[01][0-9]|2[0-3]):[0-5][0-9]")
BROKERS = ("redis://", "rediss://", "amqp://", "amqps://", "sqs://")


def long_enough(keys: tuple[str, ...]) -> tuple[str, ...]:
    if any(len(k) < SHORTEST_KEY for k in keys):
        raise ValueError(f"a key has at least {SHORTEST_KEY} characters")
    return keys


def unguessable(key: str | None) -> str | None:
    if key is not None and len(key) < 20:
        raise ValueError("it needs at least 20 characters, so that nobody can guess it")
    if key is not None and is_guessable(key):
        raise ValueError("it is easy to guess; generate one with openssl rand -hex 16")
    return key


def time_of_day(at: object) -> object:
    if not (at is None or isinstance(at, time) or TIME_OF_DAY.fullmatch(str(at))):
        raise ValueError("it is not a time of day from 00:00 to 23:59")
    return at


def narrow_networks(proxies: tuple[str, ...]) -> tuple[str, ...]:
    for proxy in proxies:
        try:
            network = ip_network(proxy)
        except ValueError:
            raise ValueError(
                f"{proxy!r} is neither an address nor a network (one without bits beyond its prefix)"
            ) from None
        if network.prefixlen == 0:
            raise ValueError(f"{proxy} contains every address; name only the proxies, as others forge headers")
    return proxies


def web_address(url: str | None) -> str | None:
    if url is not None and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname):
        raise ValueError("it is not an http(s) address")
    return url.rstrip("/") if url else None


def exact_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin!r} is not an origin as browsers send it: scheme, host and port alone, in lower "
                "case, such as https://app.example.org"
            )
    return origins


def contact_address(contact: str | None) -> str | None:
    if contact is not None and not CONTACT.fullmatch(contact):
        raise ValueError("it begins with mailto:, https:// or tel:")
    return contact


def known_store(url: str) -> str:
    if url.startswith(POSTGRES):
        return "postgresql://" + url.split("://", 1)[1]
    if url.startswith("sqlite:") or "://" not in url:
        if not url.startswith("sqlite:///") or url == "sqlite:///":
            raise ValueError("the address begins with sqlite:/// and names a file, or with postgresql://")
        return url
    raise ValueError(
        f"{url.partition('://')[0]}:// is not a database of Outlast, whose address begins with sqlite:/// or "
        "postgresql://. If DATABASE_URL is the database of your own program, set ANALYSIS_DATABASE_URL too, "
        "which is used first"
    )


def known_redis(url: str | None) -> str | None:
    if url is not None and not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("the address begins with redis://, rediss:// or unix://")
    return url


def known_queue(way: str) -> str:
    if way not in {"sync", "database", "redis"} and not way.startswith(BROKERS):
        raise ValueError("it is sync, database, redis, or the URL of a broker: redis://, amqp:// or sqs://")
    return way


def is_secret(name: str, value: str) -> bool:
    """Whether nobody else may read this value: a key, or an address with a password."""
    return SECRET_NAME.search(name) is not None or bool(passwords_in(value))


def passwords_in(text: str) -> set[str]:
    """Return the passwords of an address, before its host or in its query, as written and decoded."""
    if "://" not in text:
        return set()
    found = PASSWORD_IN_QUERY.findall(text)
    with suppress(ValueError):
        found.append(urlsplit(text).password or "")
    return {form for password in found for form in (password, unquote(password)) if form}
