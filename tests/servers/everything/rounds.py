"""Tools that ask the client by their result, and are called again with the answers, as
MCP has it since 2026-07-28.
"""

import json

from contents import text
from mcp import types
from mcp.server.mcpserver import Context

Result = str | types.InputRequiredResult


def elicit(message, **properties):
    """Asks for an object with these members, each of a type."""
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }
    return types.ElicitRequest(params=types.ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(prompt):
    message = types.SamplingMessage(role="user", content=text(prompt))
    return types.CreateMessageRequest(params=types.CreateMessageRequestParams(messages=[message], max_tokens=100))


def ask(state=None, **requests):
    return types.InputRequiredResult(input_requests=requests, request_state=state)


def answered(ctx, name, key):
    """The member of an answer to `elicit`, if it was given."""
    answer = (ctx.input_responses or {}).get(name)
    return answer.content.get(key) if isinstance(answer, types.ElicitResult) and answer.content else None


async def test_input_required_result_elicitation(ctx: Context) -> Result:
    name = answered(ctx, "user_name", "name")
    return f"Hello, {name}!" if name else ask(user_name=elicit("What is your name?", name="string"))


async def test_input_required_result_sampling(ctx: Context) -> Result:
    answer = (ctx.input_responses or {}).get("capital_question")
    if isinstance(answer, types.CreateMessageResult):
        return f"Model said: {answer.content.text}"
    return ask(capital_question=sample("What is the capital of France?"))


async def test_input_required_result_list_roots(ctx: Context) -> Result:
    answer = (ctx.input_responses or {}).get("client_roots")
    if isinstance(answer, types.ListRootsResult):
        return f"The client has {len(answer.roots)} roots."
    return ask(client_roots=types.ListRootsRequest())


async def test_input_required_result_request_state(ctx: Context) -> Result:
    if ctx.request_state == "asked" and "confirm" in (ctx.input_responses or {}):
        return "state-ok: confirmed"
    return ask("asked", confirm=elicit("Please confirm", ok="boolean"))


async def test_input_required_result_multiple_inputs(ctx: Context) -> Result:
    if {"user_name", "greeting", "client_roots"} <= (ctx.input_responses or {}).keys():
        return "All inputs received."
    return ask(
        "asked",
        user_name=elicit("What is your name?", name="string"),
        greeting=sample("Generate a greeting"),
        client_roots=types.ListRootsRequest(),
    )


async def test_input_required_result_multi_round(ctx: Context) -> Result:
    state = json.loads(ctx.request_state or '{"round": 0}')
    name = answered(ctx, "step1", "name")
    if state["round"] == 1 and name:
        state = json.dumps({"round": 2, "name": name})
        return ask(state, step2=elicit("Step 2: What is your favorite color?", color="string"))
    color = answered(ctx, "step2", "color")
    if state["round"] == 2 and color:
        return f"{state['name']} likes {color}."
    return ask(json.dumps({"round": 1}), step1=elicit("Step 1: What is your name?", name="string"))


async def test_input_required_result_tampered_state(ctx: Context) -> Result:
    # The SDK signs the state, and refuses it when somebody changed it.
    if ctx.request_state is None:
        return ask("asked", confirm=elicit("Please confirm", ok="boolean"))
    return f"state-ok: {ctx.request_state}"


async def test_input_required_result_capabilities(ctx: Context) -> types.InputRequiredResult:
    """Asks only for what the client can."""
    able = ctx.client_capabilities
    requests = {}
    if able is None or able.sampling is not None:
        requests["sample"] = sample("Say hello")
    if able is None or able.elicitation is not None:
        requests["ask"] = elicit("What is your name?", name="string")
    return ask("asked", **requests)


TOOLS = [
    test_input_required_result_elicitation,
    test_input_required_result_sampling,
    test_input_required_result_list_roots,
    test_input_required_result_request_state,
    test_input_required_result_multiple_inputs,
    test_input_required_result_multi_round,
    test_input_required_result_tampered_state,
    test_input_required_result_capabilities,
]
