"""The routes that the description of the API leaves out, each with its reason: the only list of them."""

from __future__ import annotations

from collections.abc import Iterable

from nanobot.contracts.view import View

_PAGE = "a page for people"
_FILES = "files of a page"
_OWN = "only the page that comes with it asks this"
_MCP = "the Model Context Protocol describes itself"
_CATCH_ALL = "tells clients of OpenAI what there is instead of the route that they wanted"

NOT_DESCRIBED = {
    "GET /login": _PAGE,
    "GET /claim": _PAGE,
    "GET /auth/www/{path:.*}": _FILES,
    "GET /": _PAGE,
    "GET /webchat/www/{path:.*}": _FILES,
    "GET /webchat/texts": _OWN,
    "GET /webchat/ws": _OWN,
    "POST /mcp": _MCP,
    "GET /mcp": _MCP,
    "DELETE /mcp": _MCP,
    "GET /v1/{path:.*}": _CATCH_ALL,
    "POST /v1/{path:.*}": _CATCH_ALL,
    "DELETE /v1/{path:.*}": _CATCH_ALL,
}


def undescribed(views: Iterable[View]) -> set[str]:
    """Those that say nothing of what they take and give."""
    return {view.key for view in views if view.operation is None}
