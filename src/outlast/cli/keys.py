"""`outlast keys`: create, list and revoke API keys."""

from dataclasses import asdict
from datetime import timedelta

import click

from outlast.cli.application import (
    Refused,
    app_option,
    explain_errors,
    json_option,
    load_app,
    opened,
    print_json,
    run,
    shown_command,
)
from outlast.cli.audit import record_command
from outlast.cli.numbers import Number
from outlast.cli.tables import print_table
from outlast.core.api_keys import Scope, key_digest, new_api_key
from outlast.ports.api_keys import ApiKey
from outlast.web.keys import KeyRing
from outlast.web.webhooks import webhook_secret


@click.group()
def keys() -> None:
    """Create, list and revoke API keys."""


@keys.command()
@app_option
@json_option
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([s.value for s in Scope]),
    default=("start", "read"),
    show_default=True,
    help="What the key is for; repeat it for several.",
)
@click.option("--days", type=Number(0, 36_500, above=True), default=365, show_default=True)
@click.option("--owner", help="Who owns the sessions that it starts; default: the key itself.")
@explain_errors
def create(
    app_name: str | None, as_json: bool, name: str, scopes: tuple[str, ...], days: float, owner: str | None
) -> None:
    r"""Create a key called NAME and print it. It is shown this once.

    A program sends it as `Authorization: Bearer olk_…`. `start` starts, cancels, retries, shares and deletes
    sessions of the key's owner, answers their questions and makes read tokens, `read` lists and reads them,
    and `priority` sets the priority of a start. `operate` does all of this with any session that is named by its
    id, starts sessions for other owners and reads /metrics. Two keys with the same --owner share their
    sessions, to replace one by the other.

    \b
    Example: outlast keys create billing --scope start --scope read --days 90
    """
    app = load_app(app_name)

    async def add() -> tuple[ApiKey, str]:
        async with opened(app) as engine:
            now = engine.clock.now()
            chosen = [Scope(scope) for scope in scopes]
            key, secret = new_api_key(name, chosen, now, owner=owner, expires_at=now + timedelta(days=days))
            await engine.store.add_api_key(key, key_digest(secret))
            until = f", until {key.expires_at:%Y-%m-%d}" if key.expires_at else ""
            await record_command(engine.store, key.id, f"{name}: {' '.join(scopes)}, owner {key.owner}{until}")
            return key, secret

    key, secret = run(add())
    webhook = webhook_secret(KeyRing.of(app.settings), key.id)
    if as_json:
        print_json({**_facts(key), "key": secret, "webhook_secret": webhook})
        return
    click.echo(secret)
    revoke = shown_command(f"keys revoke {key.id}", app_name)
    click.echo(f"Keep it: it is not shown again. `{revoke}` revokes it.", err=True)
    click.echo(f"Webhooks that it asks for are signed with {webhook}", err=True)


@keys.command("list")
@app_option
@json_option
@explain_errors
def list_(app_name: str | None, as_json: bool) -> None:
    """List all keys, the newest first, without their secrets."""
    app = load_app(app_name)

    async def read() -> list[ApiKey]:
        async with opened(app) as engine:
            return list(await engine.store.api_keys())

    found = run(read())
    if as_json:
        print_json([_facts(key) for key in found])
        return
    if not found:
        click.echo("No API keys.")
        return
    headers = ("key", "name", "scopes", "owner", "created", "expires", "revoked")
    print_table(headers, map(_row, found), whole=("key",))


@keys.command()
@app_option
@click.argument("key_id")
@explain_errors
def revoke(app_name: str | None, key_id: str) -> None:
    """Revoke the key KEY_ID for good; its next request is refused."""
    app = load_app(app_name)

    async def change() -> bool:
        async with opened(app) as engine:
            revoked = await engine.store.revoke_api_key(key_id)
            if revoked:
                await record_command(engine.store, key_id)
            return revoked

    if not run(change()):
        raise Refused(f"There is no API key {key_id!r}: see `{shown_command('keys list', app_name)}`.")
    click.echo("It is revoked.")


@keys.command("webhook-secret")
@app_option
@click.argument("key_id")
@explain_errors
def print_webhook_secret(app_name: str | None, key_id: str) -> None:
    """Print the secret that signs the webhooks of the key KEY_ID."""
    app = load_app(app_name)

    async def read() -> bool:
        async with opened(app) as engine:
            known = any(key.id == key_id for key in await engine.store.api_keys())
            if known:
                await record_command(engine.store, key_id)
            return known

    if not run(read()):
        raise Refused(f"There is no API key {key_id!r}: see `{shown_command('keys list', app_name)}`.")
    click.echo(webhook_secret(KeyRing.of(app.settings), key_id))


def _row(key: ApiKey) -> tuple[str, ...]:
    times = (key.created_at, key.expires_at, key.revoked_at)
    days = (f"{time:%Y-%m-%d}" if time else "" for time in times)
    return (key.id, key.name, " ".join(sorted(key.scopes)), key.owner, *days)


def _facts(key: ApiKey) -> dict[str, object]:
    return {**asdict(key), "scopes": sorted(key.scopes)}
