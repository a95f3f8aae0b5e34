"""What a client may ask, in the words of the SDK."""

from __future__ import annotations

from typing import Any

from mcp import types
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions

from nanobot import __version__

from .caller import Ctx, caller_of
from .channels import Channels
from .prompts import Prompts
from .resources import Resources
from .tools import Tools

INSTRUCTIONS = (
    "nanobot is the hub of a house and of an agent. GetLiveContext tells how things are. A service is a tool named "
    "domain__service, such as light__turn_on; entity_id says which things it is for."
)


class _Server(Server[Any]):
    """Says that it tells of changes."""

    def create_initialization_options(self, *given: Any, **named: Any) -> InitializationOptions:
        return super().create_initialization_options(NotificationOptions(True, True, True))


def build(tools: Tools, resources: Resources, prompts: Prompts, channels: Channels) -> Server[Any]:
    """One for all sessions: it keeps nothing, and asks each request who is behind it."""

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

    server = _Server(
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
        on_subscribe_resource=channels.subscribe,
        on_unsubscribe_resource=channels.unsubscribe,
        on_subscriptions_listen=channels.listen,
    )
    server.add_notification_handler("notifications/initialized", types.NotificationParams, channels.begun)
    server.middleware.clear()  # the SDK's tracing, which nothing here reads
    return server
