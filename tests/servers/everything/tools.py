"""The tools, but for those that ask the client: their names are the suite's."""

import asyncio
from typing import Annotated

import asking
import rounds
from contents import Contents, embedded, image, sound, text
from mcp import MCPError, types
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import Prompt
from pydantic import Field

# Keywords of JSON Schema 2020-12, which have to arrive as they are.
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def add(server):
    for tool in [*TOOLS, *asking.TOOLS, *rounds.TOOLS]:
        server.add_tool(tool, description=f"What the suite knows as {tool.__name__}")
    # The SDK has no public way to give a tool a schema of one's own.
    server._tool_manager._tools["json_schema_2020_12_tool"].parameters = SCHEMA

    @server.tool(description="Says that the tools have changed")
    async def test_trigger_tool_change(ctx: Context) -> str:
        server.add_tool(dynamic, name="test_dynamic_tool")
        server.remove_tool("test_dynamic_tool")
        await ctx.notify_tools_changed()
        return "changed"

    @server.tool(description="Says that the prompts have changed")
    async def test_trigger_prompt_change(ctx: Context) -> str:
        server.add_prompt(Prompt.from_function(dynamic, name="test_dynamic_prompt"))
        server.remove_prompt("test_dynamic_prompt")
        await ctx.notify_prompts_changed()
        return "changed"


def dynamic() -> str:
    return "dynamic"


def test_simple_text() -> str:
    return "This is a simple text response for testing."


def test_image_content() -> Contents:
    return [image()]


def test_audio_content() -> Contents:
    return [sound()]


def test_embedded_resource() -> Contents:
    return [embedded("test://embedded-resource", "This is an embedded resource content.")]


def test_multiple_content_types() -> Contents:
    mixed = embedded("test://mixed-content-resource", '{"test": "data", "value": 123}', "application/json")
    return [text("Multiple content types test:"), image(), mixed]


async def test_tool_with_logging(ctx: Context) -> str:
    for words in ["Tool execution started", "Tool processing data", "Tool execution completed"]:
        await ctx.info(words)
        await asyncio.sleep(0.05)
    return "done"


async def test_tool_with_progress(ctx: Context) -> str:
    for progress in [0, 50, 100]:
        await ctx.report_progress(progress, 100, f"Completed step {progress} of 100")
        await asyncio.sleep(0.05)
    return "done"


async def test_reconnection(ctx: Context) -> str:
    """Closes its own stream in the midst of the call."""
    await ctx.close_sse_stream()
    await asyncio.sleep(0.2)
    return "done"


def test_error_handling() -> str:
    raise RuntimeError("This tool intentionally returns an error for testing")


REGION = Field(json_schema_extra={"x-mcp-header": "Region"})


def test_x_mcp_header(region: Annotated[str, REGION] = "<none>") -> str:
    """Its argument comes in a header as well."""
    return f"region={region}"


async def test_missing_capability(ctx: Context) -> str:
    capabilities = ctx.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        raise MCPError(
            code=types.MISSING_REQUIRED_CLIENT_CAPABILITY,
            message="This tool needs sampling",
            data={"requiredCapabilities": {"sampling": {}}},
        )
    return "done"


def json_schema_2020_12_tool() -> str:
    return "done"


TOOLS = [
    test_simple_text,
    test_image_content,
    test_audio_content,
    test_embedded_resource,
    test_multiple_content_types,
    test_tool_with_logging,
    test_tool_with_progress,
    test_reconnection,
    test_error_handling,
    test_x_mcp_header,
    test_missing_capability,
    json_schema_2020_12_tool,
]
