"""A whole MCP session by the official Python client, through mutual TLS.

Prints one JSON object: what the server listed, and what became of each call.
"""

import argparse
import asyncio
import json
import ssl

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--authority", required=True, help="PEM file of the server's authority")
    parser.add_argument("--certificate", help="PEM file of the client's certificate")
    parser.add_argument("--key", help="PEM file of its key")
    parser.add_argument("--mode", default="legacy", help="legacy (initialize), auto, or a version")
    parser.add_argument(
        "--call",
        nargs=2,
        action="append",
        default=[],
        metavar=("TOOL", "ARGUMENTS"),
        help="a tool and its arguments in JSON; in order",
    )
    return parser.parse_args()


async def session(wanted):
    context = ssl.create_default_context(cafile=wanted.authority)
    if wanted.certificate:
        context.load_cert_chain(wanted.certificate, wanted.key)
    timeout = httpx2.Timeout(10, read=30)
    # Loopback, whatever proxy the environment names.
    async with httpx2.AsyncClient(verify=context, timeout=timeout, trust_env=False) as http:
        transport = streamable_http_client(wanted.url, http_client=http)
        async with Client(transport, mode=wanted.mode) as client:
            listed = await client.list_tools()
            return {
                "protocol": client.protocol_version,
                "tools": sorted(tool.name for tool in listed.tools),
                "calls": [await call(client, *one) for one in wanted.call],
            }


async def call(client, tool, text):
    """What became of one call; a refusal fails the call and not the session."""
    try:
        result = await client.call_tool(tool, json.loads(text))
    except MCPError as error:
        return {"tool": tool, "outcome": "denied", "code": error.error.code, "message": error.error.message}
    return {"tool": tool, "outcome": "error" if result.is_error else "allowed", "text": result.content[0].text}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(session(arguments()))))
