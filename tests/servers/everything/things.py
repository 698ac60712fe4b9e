"""The resources and prompts, completion, subscriptions and the level of the log."""

import base64
import json

from contents import PIXEL, embedded, image, text
from mcp import types
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.prompts.base import UserMessage
from rounds import answered, ask, elicit


def add(server):
    resources(server)
    prompts(server)

    @server.completion()
    async def complete(ref, argument, context):
        return types.Completion(values=[], total=0, has_more=False)

    async def done(ctx, params):
        return types.EmptyResult()

    # The SDK has no public way to add these.
    handle = server._lowlevel_server.add_request_handler
    handle("logging/setLevel", types.SetLevelRequestParams, done)
    handle("resources/subscribe", types.SubscribeRequestParams, done)
    handle("resources/unsubscribe", types.UnsubscribeRequestParams, done)


def resources(server):
    @server.resource("test://static-text")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary")
    def static_binary() -> bytes:
        return base64.b64decode(PIXEL)

    @server.resource("test://template/{id}/data")
    def template(id: str) -> str:
        return json.dumps({"id": id, "data": f"Data for ID: {id}"})

    @server.resource("test://watched-resource")
    def watched() -> str:
        return "Watched resource content"


def prompts(server):
    @server.prompt(description="Without arguments")
    def test_simple_prompt() -> list[UserMessage]:
        return [said(text("This is a simple prompt for testing."))]

    @server.prompt(description="With arguments")
    def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
        return [said(text(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"))]

    @server.prompt(description="With a resource")
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
        return [said(embedded(resourceUri, "Embedded resource content for testing.")), said(text("Read it."))]

    @server.prompt(description="With an image")
    def test_prompt_with_image() -> list[UserMessage]:
        return [said(image()), said(text("Please analyze the image above."))]

    @server.prompt(description="Asks for a context")
    async def test_input_required_result_prompt(ctx: Context) -> list[UserMessage] | types.InputRequiredResult:
        context = answered(ctx, "user_context", "context")
        if context:
            return [said(text(f"Use the following context: {context}"))]
        return ask(user_context=elicit("What context should the prompt use?", context="string"))


def said(content):
    return UserMessage(role="user", content=content)
