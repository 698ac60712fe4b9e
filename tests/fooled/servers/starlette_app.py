"""A Starlette application: a server on the official SDK that is mounted at `/mcp`, as the
SDK's examples mount theirs, and handlers that need no body. Every tool or handler that
runs is one JSON line of standard output, with the id of the HTTP request.
"""

import contextlib
import json
import socket

import mcp_types as types
import uvicorn
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route


def say(**line):
    print(json.dumps(line), flush=True)


def tell(ran, request):
    say(ran=ran, id=request.headers.get("x-request-id"))


async def call_tool(ctx, params):
    tell(f"tools/call {params.name}", ctx.request)
    return types.CallToolResult(content=[])


# Without sessions, so that every message stands for itself.
manager = StreamableHTTPSessionManager(
    Server("mounted", on_call_tool=call_tool), json_response=True, stateless=True
)


def acts(name):
    """A handler that does its work without a look at the body."""

    async def handler(request):
        tell(name, request)
        return JSONResponse({"done": name})

    return handler


@contextlib.asynccontextmanager
async def lifespan(_app):
    async with manager.run():
        yield


app = Starlette(
    routes=[
        Route("/mcp/admin/reset", acts("reset"), methods=["POST"]),
        # What is mounted serves every path below.
        Mount("/mcp", app=manager.handle_request),
        Route("/admin/reset", acts("reset"), methods=["POST"]),
        Route("/files/{name}", acts("delete"), methods=["DELETE"]),
        Route("/status", acts("status"), methods=["POST"]),
    ],
    lifespan=lifespan,
)

listener = socket.create_server(("127.0.0.1", 0))
host, port = listener.getsockname()
say(listening=f"{host}:{port}")
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
