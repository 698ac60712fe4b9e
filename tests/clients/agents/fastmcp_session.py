"""A session by FastMCP's client."""

from contextlib import asynccontextmanager

import httpx
import session
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp import McpError


@asynccontextmanager
async def connect(url, context):
    factory = session.factory(httpx.AsyncClient, context)
    async with Client(StreamableHttpTransport(url, httpx_client_factory=factory)) as client:

        async def tools():
            return [tool.name for tool in await client.list_tools()]

        async def call(tool, arguments):
            return (await client.call_tool(tool, arguments)).content[0].text

        yield tools, call


session.run(connect, McpError)
