"""A session by LangChain's MCP adapters."""

from contextlib import asynccontextmanager

import httpx
import session
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from mcp import McpError


@asynccontextmanager
async def connect(url, context):
    factory = session.factory(httpx.AsyncClient, context)
    server = {"transport": "streamable_http", "url": url, "httpx_client_factory": factory}
    async with MultiServerMCPClient({"server": server}).session("server") as client:
        loaded = {tool.name: tool for tool in await load_mcp_tools(client)}

        async def tools():
            return loaded

        async def call(tool, arguments):
            return (await loaded[tool].ainvoke(arguments))[0]["text"]

        yield tools, call


session.run(connect, McpError)
