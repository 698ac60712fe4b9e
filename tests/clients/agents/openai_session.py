"""A session by the MCP client of the OpenAI Agents SDK."""

from contextlib import asynccontextmanager

import httpx2
import session
from agents.mcp import MCPServerStreamableHttp
from mcp import MCPError


@asynccontextmanager
async def connect(url, context):
    factory = session.factory(httpx2.AsyncClient, context)
    params = {"url": url, "timeout": 30, "httpx_client_factory": factory}
    async with MCPServerStreamableHttp(params, client_session_timeout_seconds=30) as client:

        async def tools():
            return [tool.name for tool in await client.list_tools()]

        async def call(tool, arguments):
            return (await client.call_tool(tool, arguments)).content[0].text

        yield tools, call


session.run(connect, MCPError)
