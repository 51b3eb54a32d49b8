"""A host application that mounts the menagerie's site, with one embedded worker."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from hostile.site import outlast
from outlast.cli.logs import set_up_logs


async def home(request: object) -> PlainTextResponse:
    return PlainTextResponse("home")


def main() -> None:
    set_up_logs()
    app = Starlette(
        routes=[Route("/home", home), Mount("/", outlast.asgi())],
        lifespan=outlast.lifespan(workers=1),
    )
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
