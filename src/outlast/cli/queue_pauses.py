"""`outlast queue pause|resume`: pause and resume queues and analyses."""

import sys

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
)
from outlast.cli.audit import record_command
from outlast.domain.pauses import Pause
from outlast.domain.printable import printable
from outlast.ports.notifier import Topic


@click.command()
@click.argument("name", metavar="[QUEUE]", required=False)
@click.option("--analysis", metavar="NAME", help="Pause this analysis, in whatever queue it is.")
@app_option
@json_option
@explain_errors
def pause(name: str | None, analysis: str | None, app_name: str | None, as_json: bool) -> None:
    """Let no worker of the store begin sessions of QUEUE, or of an analysis, until `outlast queue resume`.

    Starts are accepted and wait, and running sessions go on. Every worker follows within a second. Exits 0 if it
    is paused now, also if it was before.
    """
    _change(_pause(name, analysis), app_name, as_json, paused=True)


@click.command()
@click.argument("name", metavar="[QUEUE]", required=False)
@click.option("--analysis", metavar="NAME", help="Resume this analysis.")
@app_option
@json_option
@explain_errors
def resume(name: str | None, analysis: str | None, app_name: str | None, as_json: bool) -> None:
    """End a pause of QUEUE, or of an analysis. Exits 1 if it was not paused."""
    _change(_pause(name, analysis), app_name, as_json, paused=False)


def _pause(queue_name: str | None, analysis: str | None) -> Pause:
    if (queue_name is None) == (analysis is None):
        raise Refused("Name either a queue, as `outlast queue pause slow`, or an analysis, with --analysis NAME.")
    return Pause("queue", queue_name) if queue_name is not None else Pause("analysis", analysis or "")


def _change(pause: Pause, app_name: str | None, as_json: bool, *, paused: bool) -> None:
    app = load_app(app_name)

    async def change() -> tuple[bool, bool, list[Pause]]:
        async with opened(app) as engine:
            known = {analysis.queue if pause.kind == "queue" else analysis.name for analysis in engine.catalogue}
            known |= {d.queue if pause.kind == "queue" else d.analysis for d in await engine.store.depths()}
            changed = await (engine.store.pause(pause) if paused else engine.store.resume(pause))
            await record_command(engine.store, f"{pause.kind} {pause.name}", "" if changed else "no change")
            engine.notifier.publish(Topic.CHANGED, [""])
            if changed and not paused:
                engine.notifier.publish(Topic.WAITING, [""])
            return changed, pause.name in known, list(await engine.store.pauses())

    changed, is_known, pauses = run(change())
    if as_json:
        shown = [{"kind": one.kind, "name": one.name} for one in pauses]
        print_json({"kind": pause.kind, "name": pause.name, "changed": changed, "pauses": shown})
    else:
        what = printable(f"The {pause.kind} {pause.name!r}")
        if changed:
            click.echo(f"{what} is {'paused' if paused else 'resumed'}.")
        else:
            click.echo(f"{what} was paused already." if paused else f"{what} was not paused.")
        if not is_known:
            click.echo(f"No session waits in it, and this application has no such {pause.kind}.", err=True)
    sys.exit(0 if changed or paused else 1)
