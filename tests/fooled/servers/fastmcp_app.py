"""A FastMCP server with resources and a template, made with the class of the official
Python SDK (`sdk`; `sdk2` in its second version) or with the package of that name
(`fastmcp`). Every resource that is read is one JSON line of standard output, with the id
of the HTTP request.
"""

import contextvars
import json
import socket
import sys

import uvicorn


def say(**line):
    print(json.dumps(line), flush=True)


if sys.argv[1] == "sdk":
    from mcp.server.fastmcp import FastMCP

    server = FastMCP("resources", stateless_http=True, json_response=True, log_level="ERROR")
    application = server.streamable_http_app
    options = {}
elif sys.argv[1] == "sdk2":
    from mcp.server.mcpserver import MCPServer

    server = MCPServer("resources", log_level="ERROR")
    application = server.streamable_http_app
    options = {"stateless_http": True, "json_response": True}
else:
    from fastmcp import FastMCP, FastMCPApp

    server = FastMCP("resources")
    shop = FastMCPApp("shop")

    # Which also has a name that is computed from those of the application and the tool.
    @shop.tool(model=True)
    def danger() -> str:
        say(ran="call danger", id=request_id.get())
        return "done"

    @shop.tool(model=True)
    def safe() -> str:
        say(ran="call safe", id=request_id.get())
        return "done"

    server.add_provider(shop)
    application = server.http_app
    options = {"path": "/mcp", "stateless_http": True, "json_response": True}

request_id = contextvars.ContextVar("request_id")


def tell(thing):
    say(ran=f"read {thing}", id=request_id.get())


def resource(uri):
    @server.resource(uri)
    def read() -> str:
        tell(uri)
        return uri


for uri in (
    "file:///open",
    "file:///secret",
    "http://secret.test/",
    "http://127.0.0.1/local",
    "http://[::1]/local",
    "http://xn--bcher-kva.test/",
):
    resource(uri)


@server.resource("db://{name}")
def database(name: str) -> str:
    tell(f"db {name}")
    return name


def with_ids(app):
    """The application, where resources know the id of the request."""

    async def serve(scope, receive, send):
        if scope["type"] == "http":
            request_id.set(dict(scope["headers"]).get(b"x-request-id", b"").decode())
        await app(scope, receive, send)

    return serve


app = with_ids(application(**options))
listener = socket.create_server(("127.0.0.1", 0))
host, port = listener.getsockname()
say(listening=f"{host}:{port}")
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
