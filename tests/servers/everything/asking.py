"""Tools that ask the client in the midst of a call, as MCP has it until 2025-11-25."""

from contents import text
from mcp import types
from mcp.server.mcpserver import Context
from pydantic import BaseModel, Field


async def test_sampling(prompt: str, ctx: Context) -> str:
    result = await ctx.session.create_message(
        messages=[types.SamplingMessage(role="user", content=text(prompt))],
        max_tokens=100,
        # On the stream of this call, which is open.
        related_request_id=ctx.request_id,
    )
    return f"LLM response: {result.content.text}"


async def asked(ctx, message, schema):
    result = await ctx.elicit(message=message, schema=schema)
    content = result.data.model_dump_json() if result.action == "accept" else "{}"
    return f"User response: action={result.action}, content={content}"


class Answer(BaseModel):
    response: str = Field(description="User's response")


async def test_elicitation(message: str, ctx: Context) -> str:
    return await asked(ctx, message, Answer)


def extra(**schema):
    return Field(json_schema_extra=schema)


class Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field(default="active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    return await asked(ctx, "Who are you?", Defaults)


def titled(*choices):
    return [{"const": const, "title": title} for const, title in choices]


class Choices(BaseModel):
    untitledSingle: str = extra(enum=["active", "inactive", "pending"])
    titledSingle: str = extra(oneOf=titled(("low", "Low"), ("medium", "Medium"), ("high", "High")))
    untitledMulti: list[str] = extra(items={"type": "string", "enum": ["read", "write", "execute"]})
    titledMulti: list[str] = extra(items={"anyOf": titled(("feature", "New"), ("bug", "Bug"), ("docs", "Text"))})
    legacyEnum: str = extra(enum=["small", "medium", "large"], enumNames=["Small", "Medium", "Large"])


async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    return await asked(ctx, "Which?", Choices)


TOOLS = [
    test_sampling,
    test_elicitation,
    test_elicitation_sep1034_defaults,
    test_elicitation_sep1330_enums,
]
