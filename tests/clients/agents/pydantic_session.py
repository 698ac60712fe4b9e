"""A session by the MCP toolset of Pydantic AI."""

from contextlib import asynccontextmanager

import httpx2
import session
from pydantic_ai import ModelRetry
from pydantic_ai.mcp import MCPToolset


@asynccontextmanager
async def connect(url, context):
    http = session.factory(httpx2.AsyncClient, context)(timeout=30)
    async with MCPToolset(url, http_client=http) as client:

        async def tools():
            return [tool.name for tool in await client.list_tools()]

        async def call(tool, arguments):
            return str(await client.direct_call_tool(tool, arguments))

        yield tools, call


# Which a model is told, so that it does something else.
session.run(connect, ModelRetry)
