"""What the web server itself serves: whether it is alive, and how to sign in and out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import voluptuous as vol
from aiohttp import web

from nanobot.contracts.view import Access, View
from nanobot.hub.hub import Hub, Phase
from nanobot.hub.web import ABOUT, StaticFolder, WebError, identity_of, json_response, page_texts, read_json
from nanobot.storage.credentials import Kind
from nanobot.util.aio import in_thread

from . import operations as op
from .cookie import cookie_of, forget_cookie, set_cookie
from .form import MAX_LOGIN

if TYPE_CHECKING:
    from .dispatch import Dispatcher
    from .flows import Flows

_CLAIM = vol.Schema({vol.Required("code"): str})
_LOGIN = vol.Schema(vol.Any({vol.Required("token"): str}, {vol.Required("code"): str, vol.Required("client_id"): str}))
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrom", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "Mac"),
            ("Linux", "Linux"))  # fmt: skip


class LoginViews:
    """The public ones are the whole of what can be had without credentials."""

    def __init__(self, hub: Hub, dispatcher: Callable[[], Dispatcher], flows: Callable[[], Flows]) -> None:
        self.hub = hub
        self._dispatcher = dispatcher
        self._flows = flows
        self._www = StaticFolder(Path(__file__).parent / "www")

    def views(self) -> list[View]:
        """All of them."""
        return [
            View("GET", "/health", Access.PUBLIC, self.health, operation=op.HEALTH),
            View("GET", "/health/ready", Access.PUBLIC, self.ready, operation=op.READY),
            View("GET", "/login", Access.PUBLIC, self.page),
            View("GET", "/claim", Access.PUBLIC, self.page),
            View("GET", "/auth/texts", Access.PUBLIC, self.texts, operation=op.TEXTS),
            self._www.view("/auth/www", Access.PUBLIC),
            View("POST", "/auth/claim", Access.PUBLIC, self.claim, operation=op.CLAIM),
            View("POST", "/auth/login", Access.PUBLIC, self.login, operation=op.LOGIN),
            View("POST", "/auth/logout", Access.PUBLIC, self.logout, operation=op.LOGOUT),
            View("GET", "/auth/me", Access.READ, self.me, scoped=True, operation=op.ME),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """The page to sign in with."""
        return await self._www.serve(request, "login.html")

    async def page_instead(self, request: web.Request) -> web.Response:
        """The same in place of a page that needs credentials."""
        response = await self._www.serve(request, "login.html", status=401)
        if request[ABOUT].forget_cookie:
            forget_cookie(request, response)
        return response

    async def health(self, request: web.Request) -> web.Response:
        """The process is alive."""
        return json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """Everything that is configured has been set up once."""
        is_ready = self.hub.phase is Phase.RUNNING
        return json_response({"status": "ready" if is_ready else "not ready"}, 200 if is_ready else 503)

    async def texts(self, request: web.Request) -> web.Response:
        """The words of the page, in the language of the browser."""
        return page_texts(request, "http", self.hub.language)

    async def claim(self, request: web.Request) -> web.Response:
        """Exchange the code of a one-time link for a session."""
        code = (await read_json(request, _CLAIM, limit=MAX_LOGIN))["code"]
        self._slow_down(request)
        session = await in_thread(self.hub.credentials.redeem, code, device_of(request))
        if session is None:
            self._dispatcher().wrong(request)
            raise WebError(401, "this link was used before, is older than an hour, or was never given out")
        return self._signed_in(request, session)

    async def login(self, request: web.Request) -> web.Response:
        """Exchange a token for a session with the same access, or the code of a sign-in for one of that person."""
        data = await read_json(request, _LOGIN, limit=MAX_LOGIN)
        self._slow_down(request)
        if "code" in data:
            return await self._login_with_code(request, data["code"], data["client_id"])
        identity = self.hub.credentials.identify(data["token"].strip())
        if identity is None or identity.kind is not Kind.TOKEN:
            self._dispatcher().wrong(request)
            raise WebError(401, "this token is not known here, was revoked, or has expired")
        name = f"{device_of(request)} ({identity.name})"
        session = await in_thread(self.hub.credentials.open_session, name[:64], identity.access, by=identity.id)
        return self._signed_in(request, session)

    async def _login_with_code(self, request: web.Request, code: str, client_id: str) -> web.Response:
        granted = self._flows().redeem(code, client_id)
        user = self.hub.credentials.people.get(granted.user_id) if granted else None
        # a code for another site's client is not for our own pages
        if user is None or client_id.rstrip("/") != request.headers.get("Origin", ""):
            self._dispatcher().wrong(request)
            raise WebError(401, "this sign-in was finished before, or took too long")
        open_session = self.hub.credentials.open_session
        session = await in_thread(open_session, device_of(request)[:64], user.role.access, user_id=user.id)
        return self._signed_in(request, session)

    async def logout(self, request: web.Request) -> web.Response:
        """End the browser's session."""
        identity = identity_of(request)
        if identity is not None and identity.kind is Kind.SESSION and cookie_of(request):
            await in_thread(self.hub.credentials.revoke, identity.id)
        response = json_response({})
        forget_cookie(request, response)
        return response

    async def me(self, request: web.Request) -> web.Response:
        """Who is signed in."""
        identity = identity_of(request)
        assert identity is not None
        return json_response({"name": identity.name, "access": identity.access.value, "kind": identity.kind.value})

    def _slow_down(self, request: web.Request) -> None:
        self._dispatcher().limiter.check(request[ABOUT].peer)

    def _signed_in(self, request: web.Request, session: str) -> web.Response:
        response = json_response({})
        set_cookie(request, response, session)
        return response


def device_of(request: web.Request) -> str:
    """What a person knows the browser by: "Firefox on Linux"."""
    agent = request.headers.get("User-Agent", "")
    browser = next((name for mark, name in _BROWSERS if mark in agent), "browser")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return f"{browser} on {system}" if system else browser
