"""What tools and prompts give back besides text: the smallest image and sound."""

from mcp import types

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
SILENCE = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="

Contents = list[types.TextContent | types.ImageContent | types.AudioContent | types.EmbeddedResource]


def text(words):
    return types.TextContent(type="text", text=words)


def image():
    return types.ImageContent(type="image", data=PIXEL, mime_type="image/png")


def sound():
    return types.AudioContent(type="audio", data=SILENCE, mime_type="audio/wav")


def embedded(uri, words, mime_type="text/plain"):
    resource = types.TextResourceContents(uri=uri, mime_type=mime_type, text=words)
    return types.EmbeddedResource(type="resource", resource=resource)
