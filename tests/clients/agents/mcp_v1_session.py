"""A session by the first generation of the official Python client."""

from contextlib import asynccontextmanager

import httpx
import session
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamable_http_client


@asynccontextmanager
async def connect(url, context):
    http = session.factory(httpx.AsyncClient, context)(timeout=30)
    async with http, streamable_http_client(url, http_client=http) as (reading, writing, _):
        async with ClientSession(reading, writing) as client:
            await client.initialize()

            async def tools():
                return [tool.name for tool in (await client.list_tools()).tools]

            async def call(tool, arguments):
                return (await client.call_tool(tool, arguments)).content[0].text

            yield tools, call


session.run(connect, McpError)
