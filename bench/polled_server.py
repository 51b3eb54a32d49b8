"""Our application and a trivial handler on one uvicorn server, configured as in `outlast serve`."""

import uvicorn

import workload

BODY = b'{"success": true}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]


def both(ours):
    async def app(scope, receive, send) -> None:
        if scope["path"] == "/trivial":
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            await send({"type": "http.response.body", "body": BODY})
        else:
            await ours(scope, receive, send)

    return app


async def serve() -> None:
    async with workload.outlast.lifespan():
        config = uvicorn.Config(
            both(workload.outlast.asgi()), port=0, lifespan="off", access_log=False, server_header=False
        )
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    from outlast.cli.application import run

    run(serve())
