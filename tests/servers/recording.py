"""A server on the official Python SDK that runs whatever tool it is asked for, by any
name, and says so: one JSON line of standard output each, with the id of the HTTP
request.
"""

import json
import socket

import mcp_types as types
import uvicorn
from mcp.server.lowlevel import Server


def say(**line):
    print(json.dumps(line), flush=True)


def tell(ctx, ran, thing):
    # A name may be half a character, which no line of JSON can hold.
    thing = thing.encode("utf-8", "replace").decode()
    say(ran=ran, thing=thing, id=ctx.request.headers.get("x-request-id"))


async def call_tool(ctx, params):
    tell(ctx, "tools/call", params.name)
    return types.CallToolResult(content=[])


async def get_prompt(ctx, params):
    tell(ctx, "prompts/get", params.name)
    return types.GetPromptResult(messages=[])


async def read_resource(ctx, params):
    tell(ctx, "resources/read", str(params.uri))
    return types.ReadResourceResult(contents=[])


server = Server(
    "recording",
    on_call_tool=call_tool,
    on_get_prompt=get_prompt,
    on_read_resource=read_resource,
)
# Without sessions, so that every message stands for itself.
app = server.streamable_http_app(stateless_http=True, json_response=True)

listener = socket.create_server(("127.0.0.1", 0))
host, port = listener.getsockname()
say(listening=f"{host}:{port}")
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
