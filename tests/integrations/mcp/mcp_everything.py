"""A server of MCP, made with the official library, for tests: over its pipes, or over HTTP on a port.

``mcp_everything.py stdio [TEXT]`` or ``mcp_everything.py http PORT``.
"""

from __future__ import annotations

import asyncio
import base64
import os
import sys

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ImageContent, ToolAnnotations

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

server = MCPServer("everything", log_level="ERROR")
described = sys.argv[2] if len(sys.argv) > 2 and sys.argv[1] == "stdio" else "Say it back"


@server.tool(description=described, annotations=ToolAnnotations(read_only_hint=True))
def echo(text: str, times: int = 1) -> str:
    return " ".join([text] * times)


@server.tool(annotations=ToolAnnotations(destructive_hint=True))
def fail() -> str:
    raise ToolError("the lamp is broken")


@server.tool()
def token() -> str:
    return os.environ.get("TOKEN", "none")


@server.tool()
def picture() -> ImageContent:
    return ImageContent(type="image", data=PIXEL, mime_type="image/png")


@server.tool()
async def wait() -> str:
    await asyncio.sleep(60)
    return "late"


@server.tool()
def die() -> str:
    os._exit(7)


@server.resource("note://oak", name="oak")
def oak() -> str:
    return "An oak is a tree."


@server.resource("photo://oak", name="photo", mime_type="image/png")
def photo() -> bytes:
    return base64.b64decode(PIXEL)


@server.prompt(description="Greet somebody")
def greet(name: str) -> str:
    return f"Greet {name} warmly."


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
