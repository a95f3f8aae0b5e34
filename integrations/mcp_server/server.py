"""What a client may ask, in the words of the SDK."""

from __future__ import annotations

from typing import Any

from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from nanobot import __version__
from nanobot.hub.entry import Entry

from .caller import caller_of
from .prompts import Prompts
from .resources import Resources
from .tools import Tools

INSTRUCTIONS = (
    "nanobot is the hub of a house and of an agent. GetLiveContext tells how things are. A service is a tool named "
    "domain__service, such as light__turn_on; entity_id says which things it is for."
)

Ctx = ServerRequestContext[Any, Any]


def build(entry: Entry) -> Server[Any]:
    """One for all sessions: it keeps nothing, and asks each request who is behind it."""
    tools, resources, prompts = Tools(entry), Resources(entry.hub), Prompts(entry.hub)

    async def list_tools(ctx: Ctx, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=tools.offered(caller_of(ctx)))

    async def call_tool(ctx: Ctx, params: types.CallToolRequestParams) -> types.CallToolResult:
        return await tools.call(caller_of(ctx), params.name, params.arguments or {})

    async def list_resources(ctx: Ctx, params: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        return types.ListResourcesResult(resources=resources.listed(caller_of(ctx)))

    async def list_templates(
        ctx: Ctx, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(resource_templates=resources.templates(caller_of(ctx)))

    async def read_resource(ctx: Ctx, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        text = resources.read(caller_of(ctx), str(params.uri))
        contents = types.TextResourceContents(uri=params.uri, mime_type="application/json", text=text)
        return types.ReadResourceResult(contents=[contents])

    async def list_prompts(ctx: Ctx, params: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=prompts.listed(caller_of(ctx)))

    async def get_prompt(ctx: Ctx, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        return await prompts.get(caller_of(ctx), params.name)

    server: Server[Any] = Server(
        "nanobot",
        version=__version__,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )
    server.middleware.clear()  # the SDK's tracing, which nothing here reads
    return server
