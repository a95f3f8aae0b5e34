"""The one way in: every request passes the same checks in the same order before a view sees it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import voluptuous as vol
from aiohttp import web

from nanobot.contracts.view import Access, View
from nanobot.errors import Busy, NanobotError, NotReady, Refused, StorageError
from nanobot.hub.entry import Entry
from nanobot.hub.web import ABOUT, About, WebError, json_response, plain_error
from nanobot.storage.credentials import SIGNATURE, Identity
from nanobot.util.aio import in_thread

from .compress import LARGE, compress
from .cookie import cookie_of, forget_cookie
from .guard import SAFE_METHODS, Guard, check_path
from .limiter import Limiter, too_many, too_often
from .live import Live
from .peer import Proxies, Trust, network_of
from .router import Router

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

EVERYWHERE = (*SECURITY_HEADERS.items(), ("Cache-Control", "no-store"))

MAX_AGENT = 200  # characters of a User-Agent that the log shows

TOLD_PLAINLY = frozenset({401, 404, 405})

_log = logging.getLogger("nanobot.http")

LoginPage = Callable[[web.Request], Awaitable[web.Response]]


class Dispatcher:
    """Host, route, Origin, credentials, access, handler; and every failure as a sentence in JSON."""

    def __init__(self, entry: Entry, guard: Guard, login_page: LoginPage) -> None:
        self.hub = entry.hub
        self.guard = guard
        self.router = Router()
        self.live = Live()
        self.proxies = Proxies()
        self.trust = Trust()
        self.limiter = Limiter(asyncio.get_running_loop().time, self.hub.credentials.bans, self._ban)
        self.heard: Callable[[object], None] = lambda protocol: None
        """Told the connection of each request."""
        self._login_page = login_page
        self._refill = True
        entry.on_unload(self.hub.views.watch(self._views_changed))
        entry.on_unload(self.hub.credentials.watch(self._revoked))
        self._entry = entry

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """What aiohttp calls for each request."""
        self.heard(request.protocol)
        try:
            return await self._answer(request)
        except WebError as error:
            return self._failed(request, error)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
            return self._failed(request, WebError(error.status, _sentence(error), headers=headers))
        except vol.Invalid as error:
            return self._failed(request, WebError(400, str(error)))
        except NanobotError as error:
            return self._failed(request, WebError(_status_of(error), str(error)))
        except web.RequestPayloadError:
            return self._failed(request, WebError(400, "the body is not what its headers say"))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:  # the fault of one view must not end the connection of a client without a word
            _log.exception("%s %s failed", request.method, request.path)
            return self._failed(request, WebError(500, "something went wrong in nanobot; its log says what"))

    def is_prompt(self, method: str, path: str) -> bool:
        """Whether the view there waits for nothing once the body is there."""
        view, _ = self._found(method, path)
        return view is not None and view.prompt and view.method == method

    def dress(self, request: web.Request, response: web.StreamResponse) -> None:
        """Give a response, before it is sent, the headers that each one has."""
        about: About = request.get(ABOUT) or About()
        about.response = response
        headers = response.headers
        for name, value in EVERYWHERE:
            if name not in headers:
                headers[name] = value
        headers["Server"] = "nanobot"
        if about.is_ours and "Origin" in request.headers:
            headers.update(self.guard.cors_headers(request))

    # -- the checks, in their order -------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        about = request[ABOUT] = About()
        self.guard.check_host(request)
        check_path(request)
        about.is_ours = True
        about.peer = self.proxies.peer_of(request)
        self.limiter.check_ban(about.peer)
        view = self._route(request)
        if view is None:
            return self._preflight(request)
        about.failed = view.failed
        token = request.headers.get("Authorization")
        signature = _signature_of(request, view) if token is None else None
        cookie = cookie_of(request) if token is None and signature is None else None
        if signature is not None:
            self.guard.check_link(request)
        acts = view.websocket or request.method not in SAFE_METHODS
        self.guard.check_origin(request, acts=acts, by_cookie=cookie is not None)
        identity = self._identify(request, view.access, token, cookie, signature)
        if identity is None and view.access is not Access.PUBLIC:
            if _is_navigation(request):
                return await self._login_page(request)
            raise WebError(401, "sign in first", headers={"WWW-Authenticate": "Bearer"})
        if identity is not None and not identity.may(view.access):
            raise WebError(403, f"this takes the access '{view.access.value}', and {identity.name} has less")
        if identity is not None and identity.rights.is_narrow and not (view.scoped or view.access is Access.PUBLIC):
            raise WebError(
                403, f"{identity.name} is for some entities, events or services, and this knows no such limits"
            )
        about.identity = identity
        who = network_of(about.peer) if identity is None else identity.id
        if (wait := self.hub.credentials.rates.take(who)) > 0:
            raise too_often(wait)

        def sign_in(token: str) -> Identity | None:
            signed_in = self._sign_in(request, token)
            if signed_in is not None:
                self.live.check(signed_in.id)
                self.live.keep(request, signed_in.id)
            return signed_in

        about.sign_in = sign_in
        about.is_let_in = True
        if view.websocket:
            about.tap = getattr(request.protocol, "tap", None)
        try:
            if identity is not None:
                self.live.check(identity.id)
                self.live.keep(request, identity.id)
            response = await view.handler(request)
        finally:
            self.live.forget()
        if type(response) is not web.Response or type(response.body) is not bytes or len(response.body) >= LARGE:
            await compress(request, response)
        return response

    def _route(self, request: web.Request) -> View | None:
        """The view, its values in ``request.match_info``. None: a preflight of another site. Raises ``WebError``."""
        method = request.method
        view, values = self._found(method, request.path)
        if view is None:
            methods = self.router.methods(request.path)
            if not methods:
                raise WebError(404, "there is nothing here")
            if method == "OPTIONS" and "Origin" in request.headers:
                return None
            raise WebError(405, f"{method} is not possible here", headers={"Allow": ", ".join(methods)})
        request.match_info.clear()
        request.match_info.update(values)
        return view

    def _found(self, method: str, path: str) -> tuple[View | None, dict[str, str]]:
        if self._refill:
            self._refill = False
            self.router.fill(self.hub.views)
        return self.router.find(method, path)

    def _preflight(self, request: web.Request) -> web.Response:
        if not self.guard.cors_headers(request):
            raise WebError(
                403, "another site may not do that here; if it may, add its origin to http > allowed_origins"
            )
        return web.Response(status=204)

    def _identify(
        self, request: web.Request, access: Access, authorization: str | None, cookie: str | None, signature: str | None
    ) -> Identity | None:
        """Who asks. A header counts alone, so that a good cookie never hides a wrong token from the limiter.

        Raises ``WebError``: 429 after too many wrong guesses, 401 for a wrong one; on public routes, nothing.
        """
        if authorization is None and cookie is None and signature is None:
            return None
        public = access is Access.PUBLIC
        wait = self.limiter.wait(request[ABOUT].peer)
        if wait > 0:
            if public:
                return None
            raise too_many(wait)
        if signature is not None:
            identity = self.hub.credentials.identify_path(signature, request.raw_path)
        elif authorization is not None:
            scheme, _, token = authorization.partition(" ")
            identity = self.hub.credentials.identify(token.strip() if scheme.lower() == "bearer" else "")
        else:
            identity = self.hub.credentials.identify(cookie or "")
        if identity is None:
            self.wrong(request)
            if cookie is not None:
                request[ABOUT].forget_cookie = True
            if not public and self.hub.credentials.unreadable is not None:
                raise WebError(503, "nobody can be let in while the list of tokens cannot be read; the log says why")
            if not public and not _is_navigation(request):
                raise WebError(401, "sign in again", headers={"WWW-Authenticate": "Bearer"})
        return identity

    def _sign_in(self, request: web.Request, token: str) -> Identity | None:
        """Who presents this token after the request was let in, as somebody unknown. Raises ``WebError`` 429."""
        self.limiter.check(request[ABOUT].peer)
        identity = self.hub.credentials.identify(token)
        if identity is None:
            self.wrong(request)
        return identity

    def wrong(self, request: web.Request) -> None:
        """Something was shown that opens nothing. While nobody can be known, it is no guess."""
        if self.hub.credentials.unreadable is not None:
            return
        self.limiter.failed(request[ABOUT].peer)
        self.tell_wrong(request)

    def tell_wrong(self, request: web.Request) -> None:
        """Write down who showed it."""
        agent = request.headers.get("User-Agent", "")[:MAX_AGENT]
        _log.warning("wrong credentials from %s (%r)", request[ABOUT].peer, agent)

    def _ban(self, network: str) -> None:
        _log.warning("%s is banned after %s wrong guesses", network, self.limiter.threshold)
        self._entry.spawn(self._keep_ban(network), "ban")

    async def _keep_ban(self, network: str) -> None:
        try:
            await in_thread(self.hub.credentials.bans.add, network)
        except StorageError as error:
            _log.warning("%s", error)

    # -- the rest -------------------------------------------------------------------------------

    def _failed(self, request: web.Request, error: WebError) -> web.Response:
        about: About = request[ABOUT]
        text = self.hub.scrubber.scrub(str(error))
        if about.failed is not None:
            response = json_response(about.failed(error.status, text), error.status, headers=error.headers)
        elif request.path.startswith("/api") and not about.is_let_in:
            # clients of the API compare these; only what they do not know has a reason behind it
            response = plain_error(error.status, "" if error.status in TOLD_PLAINLY else text, headers=error.headers)
        else:
            response = json_response({"message": text}, error.status, headers=error.headers)
        if about.forget_cookie:
            forget_cookie(request, response)
        if error.status == 413:
            response.force_close()
        return response

    def _views_changed(self) -> None:
        self._refill = True

    def _revoked(self, ids: frozenset[str]) -> None:
        self._entry.spawn(self.live.close(ids), "close revoked connections")


def _signature_of(request: web.Request, view: View) -> str | None:
    """What stands in the address of a signed path, of reading alone."""
    if request.method != "GET" or view.websocket or SIGNATURE not in request.rel_url.raw_query_string:
        return None
    return request.query.get(SIGNATURE)


def _is_navigation(request: web.Request) -> bool:
    """Whether a person is looking at the answer."""
    if request.method not in ("GET", "HEAD") or "Authorization" in request.headers:
        return False
    return request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate" and "text/html" in request.headers.get(
        "Accept", ""
    )


def _status_of(error: NanobotError) -> int:
    match error:
        case Refused():
            return 403
        case Busy():
            return 429
        case NotReady():
            return 503
    return 400


def _sentence(error: web.HTTPException) -> str:
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return "the body is too large; see http > max_body_mb"
    return error.text if error.text and not error.text.startswith(str(error.status)) else error.reason.lower()
