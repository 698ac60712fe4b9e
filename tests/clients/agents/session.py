"""What the sessions of all clients in this folder have in common: the command line, the
order of a session, and the report, which is one JSON object on standard output.

A client gives `run` how it connects: an asynchronous context manager with its ways to list
tools and to call one, and the errors that it raises for a refused call.
"""

import argparse
import asyncio
import json
import ssl


def run(connect, refused):
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--authority", required=True, help="PEM file of the server's authority")
    parser.add_argument("--certificate", required=True, help="PEM file of the client's certificate")
    parser.add_argument("--key", required=True, help="PEM file of its key")
    parser.add_argument("--call", nargs=2, action="append", default=[], metavar=("TOOL", "ARGUMENTS"))
    wanted = parser.parse_args()
    context = ssl.create_default_context(cafile=wanted.authority)
    context.load_cert_chain(wanted.certificate, wanted.key)
    print(json.dumps(asyncio.run(session(wanted, connect(wanted.url, context), refused))))


async def session(wanted, connection, refused):
    async with connection as (tools, call):
        listed = sorted(await tools())
        calls = [await outcome(call, refused, *one) for one in wanted.call]
    return {"tools": listed, "calls": calls}


async def outcome(call, refused, tool, arguments):
    """What became of one call; a refusal fails the call and not the session."""
    try:
        text = await call(tool, json.loads(arguments))
    except refused as error:
        return {"tool": tool, "outcome": "denied", "message": str(error)}
    return {"tool": tool, "outcome": "allowed", "text": text}


def factory(client, context):
    """What makes an HTTP client for frameworks that want to have it made."""

    def make(headers=None, timeout=None, auth=None, **_):
        # Loopback, whatever proxy the environment names.
        return client(verify=context, trust_env=False, headers=headers, timeout=timeout, auth=auth)

    return make
