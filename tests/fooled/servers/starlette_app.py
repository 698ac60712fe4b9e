"""A Starlette application: an MCP endpoint mounted at `/mcp`, and handlers that need no
body. Every tool or handler that runs is one JSON line of standard output, with the id of
the HTTP request.
"""

import json
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route


def say(**line):
    print(json.dumps(line), flush=True)


def tell(ran, request):
    say(ran=ran, id=request.headers.get("x-request-id"))


async def message(request):
    body = await request.json()
    thing = body.get("params", {}).get("name")
    tell(f"{body.get('method')} {thing}", request)
    return JSONResponse({"jsonrpc": "2.0", "id": body.get("id"), "result": {}})


def acts(name):
    """A handler that does its work without a look at the body."""

    async def handler(request):
        tell(name, request)
        return JSONResponse({"done": name})

    return handler


reset = Route("/admin/reset", acts("reset"), methods=["POST"])
app = Starlette(
    routes=[
        # What is mounted serves every path below.
        Mount("/mcp", routes=[reset, Route("/{rest:path}", message, methods=["POST"])]),
        reset,
        Route("/files/{name}", acts("delete"), methods=["DELETE"]),
        Route("/status", acts("status"), methods=["POST"]),
    ]
)

listener = socket.create_server(("127.0.0.1", 0))
host, port = listener.getsockname()
say(listening=f"{host}:{port}")
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
