"""The routes by which Home Assistant's clients sign people in (2025.4): ``/auth/providers`` … ``/auth/revoke``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiohttp import web

from nanobot.contracts.view import Access, View
from nanobot.errors import NanobotError
from nanobot.hub.hub import Hub
from nanobot.hub.web import ABOUT, StaticFolder, WebError, json_response
from nanobot.storage.credentials import ACCESS_SECONDS
from nanobot.util.aio import in_thread

from . import operations as op
from .clients import is_client_id, may_go_back
from .dispatch import Dispatcher
from .flows import NAMES, PASSWORD, TRUSTED, Flow, Flows
from .form import read_form, read_object

_NEVER = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class SignInViews:
    """All are public: they are how to sign in. Each check of something secret passes the limiter."""

    def __init__(self, hub: Hub, dispatcher: Dispatcher, flows: Flows) -> None:
        self._hub = hub
        self._dispatcher = dispatcher
        self._flows = flows
        self._www = StaticFolder(Path(__file__).parent / "www")

    def views(self) -> list[View]:
        """All of them."""
        public = Access.PUBLIC
        return [
            View("GET", "/auth/providers", public, self.providers, operation=op.PROVIDERS),
            View("GET", "/auth/authorize", public, self.page, operation=op.AUTHORIZE),
            View("POST", "/auth/login_flow", public, self.begin, operation=op.BEGIN),
            View("POST", "/auth/login_flow/{flow_id}", public, self.answer, operation=op.ANSWER),
            View("DELETE", "/auth/login_flow/{flow_id}", public, self.abort, operation=op.ABORT),
            View("POST", "/auth/token", public, self.token, operation=op.TOKEN),
            View("POST", "/auth/revoke", public, self.revoke, operation=op.REVOKE),
        ]

    async def providers(self, request: web.Request) -> web.Response:
        """The ways to sign in from there."""
        kinds = [PASSWORD, *([TRUSTED] if self._trusted(request) else [])]
        found = [{"name": NAMES[kind], "id": None, "type": kind} for kind in reversed(kinds)]
        return json_response({"providers": found, "preselect_remember_me": True})

    async def page(self, request: web.Request) -> web.Response:
        """Where a person signs in for a client. Never for one that could send the code elsewhere."""
        query = request.query
        if query.get("response_type", "code") != "code":
            raise WebError(400, "Invalid response type: only 'code' is possible")
        if not may_go_back(query.get("client_id", ""), query.get("redirect_uri", "")):
            raise WebError(400, "Invalid client id or redirect uri")
        return await self._www.serve(request, "authorize.html")

    # -- step by step ---------------------------------------------------------------------------

    async def begin(self, request: web.Request) -> web.Response:
        """``{client_id, handler: [type, id], redirect_uri}`` gives the first form."""
        data = await read_object(request)
        client_id, handler, target = data.get("client_id"), data.get("handler"), data.get("redirect_uri")
        if not isinstance(client_id, str) or not isinstance(target, str) or not may_go_back(client_id, target):
            raise WebError(403, "invalid client id or redirect uri")
        if not (isinstance(handler, list) and handler and handler[0] in (PASSWORD, TRUSTED)):
            raise WebError(404, "Invalid handler specified")
        usernames = self._trusted(request) if handler[0] == TRUSTED else []
        if handler[0] == TRUSTED and not usernames:
            raise WebError(403, "nobody signs in from this address without a password")
        peer = request[ABOUT].peer
        self._dispatcher.limiter.check(peer)
        return json_response(self._flows.begin(handler[0], client_id, peer, usernames))

    async def answer(self, request: web.Request) -> web.Response:
        """``{client_id, …}`` with what the form asked for gives the next form, or the code as ``result``."""
        data = await read_object(request)
        flow = self._flow(request)
        if data.get("client_id") != flow.client_id:
            raise WebError(400, "Invalid client id")
        self._dispatcher.limiter.check(flow.peer)
        if flow.provider == TRUSTED:  # the list may have changed since the form was shown
            trusted = self._trusted(request)
            flow.usernames = tuple(name for name in flow.usernames if name in trusted)
        try:
            told = await self._flows.answer(flow, data)
        except KeyError as error:
            raise WebError(400, "User input malformed") from error
        if told.get("errors"):
            self._dispatcher.tell_wrong(request)
        return json_response(told)

    async def abort(self, request: web.Request) -> web.Response:
        """Begin again."""
        self._flows.abort(self._flow(request))
        return json_response({"message": "Flow aborted"})

    def _flow(self, request: web.Request) -> Flow:
        flow = self._flows.find(request.match_info["flow_id"])
        if flow is None:
            raise WebError(404, "Invalid flow specified")
        if flow.peer != request[ABOUT].peer:
            raise WebError(400, "IP address changed")
        return flow

    def _trusted(self, request: web.Request) -> list[str]:
        """Who may sign in from there without a password: those who are asked for and still there."""
        known = {one.username for one in self._hub.credentials.people.all()}
        return [name for name in self._dispatcher.trust.usernames(request, request[ABOUT].peer) if name in known]

    # -- what clients do with the code ----------------------------------------------------------

    async def token(self, request: web.Request) -> web.Response:
        """A code for a refresh token and an access token, or a refresh token for an access token."""
        form = await read_form(request)
        self._dispatcher.limiter.check(request[ABOUT].peer)
        match form.get("grant_type"):
            case "authorization_code":
                return await self._with_code(request, form)
            case "refresh_token":
                return self._refreshed(request, form)
        if form.get("action") == "revoke":  # as clients of before 2022 do it
            return await self._revoked(request, form)
        return _refuse("unsupported_grant_type")

    async def _with_code(self, request: web.Request, form: dict[str, str]) -> web.Response:
        client_id = form.get("client_id", "")
        if not is_client_id(client_id):
            return _refuse("invalid_request", "Invalid client id")
        if "code" not in form:
            return _refuse("invalid_request", "Invalid code")
        granted = self._flows.redeem(form["code"], client_id)
        if granted is None:
            self._dispatcher.wrong(request)
            return _refuse("invalid_request", "Invalid code")
        credentials = self._hub.credentials
        try:
            refresh = await in_thread(credentials.open_client, granted.user_id, client_id, granted.provider)
        except NanobotError as error:
            return _refuse("access_denied", str(error), status=403)
        opened = credentials.access_token(refresh, client_id)
        if opened is None:  # taken back in the same moment
            return _refuse("access_denied", "User is not active", status=403)
        return _tokens(opened[1], {"refresh_token": refresh, "ha_auth_provider": granted.provider})

    def _refreshed(self, request: web.Request, form: dict[str, str]) -> web.Response:
        client_id = form.get("client_id")
        if client_id is not None and not is_client_id(client_id):
            return _refuse("invalid_request", "Invalid client id")
        if "refresh_token" not in form:
            return _refuse("invalid_request")
        known = self._hub.credentials.refresh(form["refresh_token"])
        if known is None:
            self._dispatcher.wrong(request)
            return _refuse("invalid_grant")
        if known.client_id != client_id:
            return _refuse("invalid_request")
        if known.provider == TRUSTED:
            user = self._hub.credentials.people.get(known.user_id)
            if user is None or user.username not in self._trusted(request):
                return _refuse("access_denied", "this address is not trusted (any more)", status=403)
        opened = self._hub.credentials.access_token(form["refresh_token"], client_id)
        if opened is None:
            return _refuse("access_denied", "User is not active", status=403)
        return _tokens(opened[1], {})

    async def revoke(self, request: web.Request) -> web.Response:
        """End a sign-in. The answer is the same whether there was one (RFC 7009)."""
        form = await read_form(request)
        self._dispatcher.limiter.check(request[ABOUT].peer)
        return await self._revoked(request, form)

    async def _revoked(self, request: web.Request, form: dict[str, str]) -> web.Response:
        known = self._hub.credentials.refresh(form.get("token", ""))
        if known is None:
            self._dispatcher.wrong(request)
        else:
            await in_thread(self._hub.credentials.revoke, known.id)
        return web.Response(headers=_NEVER)


def _tokens(access_token: str, more: dict[str, Any]) -> web.Response:
    told = {"access_token": access_token, "token_type": "Bearer", "expires_in": ACCESS_SECONDS, **more}
    return json_response(told, headers=_NEVER)


def _refuse(error: str, description: str | None = None, *, status: int = 400) -> web.Response:
    told = {"error": error} | ({"error_description": description} if description else {})
    return json_response(told, status, headers=_NEVER)
