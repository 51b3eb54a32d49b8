"""Our application on one server, counting its queries to the store, which `/asked` returns."""

import json
from collections import Counter

import uvicorn

import workload
from outlast.app import runtime_of

ASKED: Counter[str] = Counter()
QUERIES = ("changed", "find_missing", "get", "workers", "queue_position", "result", "version")


def counted(name: str, query):
    async def asked(*values, **named):
        ASKED[name] += 1
        return await query(*values, **named)

    return asked


def counting(ours):
    async def app(scope, receive, send) -> None:
        if scope["path"] == "/asked":
            body = json.dumps(ASKED).encode()
            head = [(b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 200, "headers": head})
            await send({"type": "http.response.body", "body": body})
        else:
            await ours(scope, receive, send)

    return app


async def serve() -> None:
    async with workload.outlast.lifespan():
        store = (await runtime_of(workload.outlast).engine()).store
        # a store that batches the lookups of polls counts one query for many
        names = [
            "_version_of_each" if q == "version" and hasattr(store, "_version_of_each") else q for q in QUERIES
        ]
        for name in names:
            setattr(store, name, counted(name.lstrip("_"), getattr(store, name)))
        config = uvicorn.Config(
            counting(workload.outlast.asgi()),
            port=0,
            lifespan="off",
            access_log=False,
            server_header=False,
            timeout_keep_alive=30,
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    from outlast.cli.application import run, tune_gc

    tune_gc()
    run(serve())
