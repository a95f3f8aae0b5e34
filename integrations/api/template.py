"""Templates over REST: rendered once, as text."""

from __future__ import annotations

from aiohttp import web

from nanobot.hub.hub import Hub
from nanobot.hub.web import WebError

from .answer import body_of


class Templates:
    """For live results there is ``render_template`` of the WebSocket API."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def render(self, request: web.Request) -> web.Response:
        """``{template, variables?}`` gives the text; 400 with the reason when it fails."""
        from nanobot.templates import Template, TemplateError  # loaded when somebody wants it

        data = await body_of(request, "Error rendering template: this is no JSON")
        if not isinstance(data, dict) or not isinstance(data.get("template"), str):
            raise WebError(400, "Error rendering template: give the text as 'template'")
        variables = data.get("variables")
        if variables is not None and not isinstance(variables, dict):
            raise WebError(400, "Error rendering template: 'variables' has to be an object")
        try:
            text = Template(data["template"]).render(self._hub, variables, native=False)
        except TemplateError as error:
            raise WebError(400, f"Error rendering template: {error}") from error
        return web.Response(text=str(text), content_type="text/plain")
