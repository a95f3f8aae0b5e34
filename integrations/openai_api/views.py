"""The routes below ``/v1``: which models there are, and asking one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

from aiohttp import web

from nanobot.contracts.agent import Agent
from nanobot.contracts.view import Access, Operation, View
from nanobot.errors import NanobotError, NotReady
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Phase
from nanobot.hub.web import context_of, identity_of, json_response, read_json
from nanobot.storage.credentials import Identity
from nanobot.util.text import nearest
from nanobot.util.translate import translate

from . import alone, chat, files, responses
from . import operations as op
from .asked import Asked
from .channel import SessionChannel
from .errors import NO_RETRY, ApiError, as_api_error, error_body
from .exchange import Exchange
from .patience import Patience, Slots
from .pieces import Cut, Piece, Spoken
from .sessions import Sessions
from .wire import Shape, Stream

GRACE = 5.0  # s in which an agent that left is expected back (a reload)

Pieces = AsyncGenerator[Piece]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Api:
    """All that is open ends with the entry."""

    def __init__(self, entry: Entry, channel: SessionChannel) -> None:
        self._entry = entry
        self._hub = entry.hub
        self._channel = channel
        self._sessions = Sessions(entry, channel)
        self._config = entry.config
        self._slots = Slots(entry.config["concurrent"])
        self._opened: set[Patience] = set()
        self._created = self._hub.clock.time()

    def views(self) -> list[View]:
        """Reading shows who is there. Whoever talks to an agent acts with all of its tools, which no list of services
        or entities narrows: tokens with such lists may not."""
        return [
            self._view("GET", "/v1/models", Access.READ, self.models, op.MODELS),
            self._view("GET", "/v1/models/{model:.*}", Access.READ, self.model, op.MODEL),
            self._view("POST", "/v1/chat/completions", Access.USER, self.chat, op.CHAT),
            self._view("POST", "/v1/responses", Access.USER, self.responses, op.RESPONSES),
            self._view("GET", "/v1/{path:.*}", Access.READ, self.unknown),
            self._view("POST", "/v1/{path:.*}", Access.READ, self.unknown),
            self._view("DELETE", "/v1/{path:.*}", Access.READ, self.unknown),
        ]

    def close(self) -> None:
        """Whoever waits is told to come again."""
        for patience in list(self._opened):
            patience.leave()

    # -- the routes -------------------------------------------------------------------------------

    async def models(self, request: web.Request) -> web.Response:
        """The agents, the one that answers by default first."""
        agents = sorted(self._hub.agents, key=lambda agent: (agent.name != self._hub.config.agent, -agent.rank))
        return json_response({"object": "list", "data": [self._model(agent) for agent in agents]})

    async def model(self, request: web.Request) -> web.Response:
        """One agent."""
        return json_response(self._model(await self._agent(request.match_info["model"])))

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """A chat completion."""
        return await self._serve(request, chat.read, chat.ChatShape)

    async def responses(self, request: web.Request) -> web.StreamResponse:
        """A response."""
        return await self._serve(request, responses.read, responses.ResponseShape)

    async def unknown(self, request: web.Request) -> web.Response:
        """Whatever else clients of OpenAI ask for."""
        raise ApiError(
            404,
            f"there is no {request.method} {request.path[:100]} here; there are GET /v1/models, POST"
            " /v1/chat/completions and POST /v1/responses",
            code="unknown_url",
        )

    # -- one request ------------------------------------------------------------------------------

    async def _serve(
        self,
        request: web.Request,
        read: Callable[[Any, Mapping[str, str]], Asked],
        shape: Callable[[Asked, float], Shape],
    ) -> web.StreamResponse:
        identity = identity_of(request)
        assert identity is not None
        asked = read(await read_json(request), request.headers)
        give_back = self._slots.take(identity.id)
        stream = Stream(request)
        answer = shape(asked, self._hub.clock.time())
        spoken = Spoken(self._hub.scrubber)
        exchange: Exchange | None = None
        try:
            async with Patience(request, self._config["timeout"].total_seconds(), self._opened):
                agent = await self._agent(asked.model)
                if asked.session is None:
                    pieces = self._alone(request, asked, agent, identity)
                else:
                    exchange = await self._sessions.say(request, asked, agent, identity)
                    pieces = exchange.follow()
                async with aclosing(pieces):
                    if asked.stream:
                        response = await self._stream(stream, answer, spoken, pieces, asked)
                    else:
                        response = await self._whole(answer, spoken, pieces, asked)
            if exchange is not None:
                exchange.delivered = True
            return response
        except NanobotError as error:
            if not stream.begun:
                raise
            return await self._failed(stream, answer, error)
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception:  # an agent may raise what it likes: the client gets a sentence, the log the rest
            self._entry.log.exception("%s failed while it answered", asked.model)
            failure = _failure(translate("chat.agent_failed", self._hub.language))
            if not stream.begun:
                raise failure from None
            return await self._failed(stream, answer, failure)
        finally:
            if exchange is None:
                give_back()
            else:
                exchange.when_over(give_back)  # a client that leaves its turns behind is not given more of them

    async def _alone(self, request: web.Request, asked: Asked, agent: Agent, identity: Identity) -> Pieces:
        kept = await files.keep(self._hub, self._entry.id, agent, asked.talk.files, self._hub.language)
        try:
            pieces = alone.answer(
                self._hub,
                self._channel.name,
                agent,
                asked.talk,
                kept,
                sender=identity.user_id,
                sender_name=identity.name,
                owner=identity.may(Access.ADMIN),
                context=context_of(request),
            )
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece
        finally:
            if kept:
                self._hub.tasks.spawn(self._hub.media.drop(*kept), "drop files")

    async def _whole(self, answer: Shape, spoken: Spoken, pieces: Pieces, asked: Asked) -> web.StreamResponse:
        tools: list[str] = []
        async for piece in pieces:
            match piece.kind:
                case "tool":
                    tools.append(piece.text)
                case "failed":
                    raise _failure(piece.text)
                case "final":
                    cut = Cut(asked.stop)
                    text = cut.let(spoken.finish(piece.text)) + cut.rest()
                    return json_response(answer.whole(text, tools if self._shows(asked) else None))
        raise NotReady("the answer broke off; ask again")

    async def _stream(
        self, stream: Stream, answer: Shape, spoken: Spoken, pieces: Pieces, asked: Asked
    ) -> web.StreamResponse:
        shows, cut = self._shows(asked), Cut(asked.stop)
        await stream.begin()
        alive = self._entry.spawn(stream.keep_alive(), "keep a stream alive")
        try:
            await stream.tell(answer.opening())
            async for piece in pieces:
                text = ""
                match piece.kind:
                    case "text":
                        text = spoken.say(piece.text)
                    case "retract":
                        spoken.retract()
                    case "failed":
                        raise _failure(piece.text)
                    case "final":
                        text = spoken.finish(piece.text)
                text = cut.let(text) + (cut.rest() if piece.kind == "final" else "")
                if text:
                    await stream.tell([answer.delta(text)])
                if shows and piece.kind in ("retract", "thinking", "tool"):
                    shown = answer.progress(piece)
                    await (stream.comment(shown) if isinstance(shown, str) else stream.tell([shown]))
            await stream.tell(answer.closing(cut.text))
            return await stream.end(answer.done)
        finally:
            alive.cancel()

    async def _failed(self, stream: Stream, answer: Shape, error: NanobotError) -> web.StreamResponse:
        """The status was sent long ago: the failure is the last event."""
        failure = as_api_error(error)
        await stream.tell(answer.failed(failure, self._hub.scrubber.scrub(str(failure))))
        return await stream.end(answer.done)

    # -- who is there -----------------------------------------------------------------------------

    async def _agent(self, name: str) -> Agent:
        """The agent of that name, waited for while it is being reloaded or the hub starts. Raises ``ApiError``."""
        agents = self._hub.agents
        try:
            async with asyncio.timeout(GRACE):
                while (agent := agents.get(name)) is None and (
                    self._hub.phase is Phase.STARTING or agents.just_left(GRACE, name)
                ):
                    await agents.changed()
        except TimeoutError:
            agent = None
        if agent is not None:
            return agent
        if not len(agents):
            raise ApiError(503, "there is no agent to ask; configure 'assist', or 'agent' and a model", code="no_agent")
        near = nearest(name, agents.names())
        hint = f"; did you mean '{near}'?" if near else f"; there are: {', '.join(sorted(agents.names()))}"
        raise ApiError(404, f"there is no agent '{name[:100]}'{hint}", code="model_not_found", param="model")

    def _model(self, agent: Agent) -> Mapping[str, Any]:
        return {"id": agent.name, "object": "model", "created": int(self._created), "owned_by": "nanobot"}

    def _shows(self, asked: Asked) -> bool:
        return bool(self._config["progress"] if asked.progress is None else asked.progress)

    def _view(
        self, method: str, path: str, access: Access, handler: Handler, operation: Operation | None = None
    ) -> View:
        scoped = access is Access.READ  # these show nothing that the lists of a token are about
        return View(method, path, access, self._told(handler), scoped=scoped, failed=error_body, operation=operation)

    def _told(self, handler: Handler) -> Handler:
        """With failures told as OpenAI tells them; those of aiohttp and of the way in get there by ``View.failed``."""

        async def told(request: web.Request) -> web.StreamResponse:
            try:
                return await handler(request)
            except NanobotError as error:
                failure = as_api_error(error)
                text = self._hub.scrubber.scrub(str(failure))
                body = error_body(failure.status, text, failure.code, failure.param)
                return json_response(body, failure.status, headers=failure.headers)

        return told


def _failure(text: str) -> ApiError:
    return ApiError(500, text, code="agent_failed", headers=NO_RETRY)
