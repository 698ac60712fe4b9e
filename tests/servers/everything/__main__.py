"""A server on the official Python SDK that has everything that the conformance suite
asks servers about, under the names that it asks for, in both generations of MCP. Pages of the
origins that it is started with may call it, beside those of loopback.
"""

import json
import socket
import sys

import things
import tools
import uvicorn
from mcp.server.mcpserver import MCPServer, RequestStateSecurity
from mcp.server.transport_security import TransportSecuritySettings
from store import Store

server = MCPServer(
    "everything",
    version="1.0.0",
    request_state_security=RequestStateSecurity(keys=[b"not secret: this server is for tests"]),
)
tools.add(server)
things.add(server)
# Streams that were cut can be taken up again, after a tenth of a second.
loopback = ["127.0.0.1:*", "localhost:*", "[::1]:*"]
app = server.streamable_http_app(
    event_store=Store(),
    retry_interval=100,
    transport_security=TransportSecuritySettings(
        allowed_hosts=loopback,
        allowed_origins=[f"http://{host}" for host in loopback] + sys.argv[1:],
    ),
)

listener = socket.create_server(("127.0.0.1", 0))
host, port = listener.getsockname()
print(json.dumps({"listening": f"{host}:{port}"}), flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
