"""One server: connected, mirrored, and connected again when it is gone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from nanobot.contracts.entity import Entity
from nanobot.errors import AuthFailed, InvalidServiceData, NotReady, ServiceError
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.states import is_entity_id
from nanobot.util.text import nearest, one_line

from .connection import ANSWERED_WITHIN, Connection, Gone, Refusal, connected
from .feed import feed
from .mirror import Mirror
from .offer import Name, Offer
from .origins import Origins

SILENT_FOR = 180.0  # s without a sign of life, connecting included
SETTLED_AFTER = 0.5  # s after a service came or went: they come in numbers
EXTRA = re.compile(r"extra keys not allowed @ data\['(\w+)'\]")
WRONG_DATA = frozenset({"invalid_format", "service_validation_error"})
NOT_OFFERED = frozenset({"homeassistant", "nanobot"})
"""Domains of the core, which mean this house here."""

Offered = Callable[["Server", Mapping[Name, Offer]], Awaitable[None]]


class Server:
    """``offered`` is told what services there are, each time that they are others."""

    def __init__(self, part: Entry, config: Mapping[str, Any], offered: Offered) -> None:
        self.name: str = config["name"]
        self.config = config
        self.why = "it is being connected"
        """While it is away: the reason, as a part of a sentence."""
        self._gave_up = False
        self._origins = Origins()
        self.mirror = Mirror(part.part("entities"), config, self.call, self._origins)
        self._part = part
        self._scrub = part.hub.scrubber.scrub
        self._offered = offered
        self._connection: Connection | None = None
        self._offers: Mapping[Name, Offer] = {}
        self._services_changed = asyncio.Event()
        self._met = asyncio.Event()
        self._status = Status(self.name)
        part.add(self._status)
        part.on_unload(self.mirror.clear)  # undone when ``run`` has ended, and before the part that holds the entities

    def start(self) -> None:
        """Connect, and stay so."""
        self._part.run(self.run, name="connection", silent_for=SILENT_FOR)

    async def met(self) -> None:
        """Wait until it was connected for the first time, or could not be."""
        await self._met.wait()

    def may_call(self, domain: str, name: str) -> bool:
        """Whether the configuration lets this service be called."""
        called, services = f"{domain}.{name}", self.config["services"]
        return _fits(called, services["include"]) and not _fits(called, services["exclude"])

    async def call(
        self,
        domain: str,
        name: str,
        data: Mapping[str, Any],
        ids: list[str] | None = None,
        context: Context | None = None,
        *,
        respond: bool = False,
    ) -> Mapping[str, Any] | None:
        """Call a service there on these entities, as they are called there, on behalf of ``context``.

        Raises ``ServiceError``.
        """
        called = f"{domain}.{name}"
        if not self.may_call(domain, name):
            raise ServiceError(f"{called} is closed: 'services' of the Home Assistant {self.name} does not include it")
        connection = self._connection
        if connection is None:
            more = "" if self._gave_up else ". It is tried again and again"
            raise ServiceError(f"{called} cannot be called: the Home Assistant {self.name} is away ({self.why}){more}")
        message: dict[str, Any] = {"domain": domain, "service": name, "service_data": dict(data)}
        if ids:
            message["target"] = {"entity_id": ids}
        if respond:
            message["return_response"] = True
        limit, cause = self.config["timeout"], context or Context()
        try:
            async with asyncio.timeout(limit):
                with self._origins.acting(ids or [called], cause):  # `script.greet` acts on what is called so
                    result = await connection.ask("call_service", **message)
        except Refusal as error:
            words = self._scrub(str(error)).rstrip(".") + self._meant(domain, name, str(error))
            kind = InvalidServiceData if error.code in WRONG_DATA else ServiceError
            raise kind(f"the Home Assistant {self.name} refuses {called}: {words}") from error
        except Gone as error:
            raise ServiceError(
                f"the Home Assistant {self.name} went away during {called}; whether it was done is not known"
            ) from error
        except TimeoutError as error:
            raise ServiceError(
                f"the Home Assistant {self.name} did not end {called} within {limit:g} s; it may still be at it"
            ) from error
        result = result if isinstance(result, dict) else {}
        self._origins.learn(result.get("context"), cause)
        response = result.get("response")
        return response if isinstance(response, dict) else {} if respond else None

    async def run(self) -> None:
        """Connected until something goes wrong. Raises ``NotReady`` and ``AuthFailed`` with the reason."""
        try:
            token, url = self.config["token"], self.config["url"]
            async with connected(url, token, verify_ssl=self.config["verify_ssl"]) as connection:
                self._connection = connection
                await self._until_one_ends(
                    connection.read(), connection.watch(self._part.beat), self._follow(connection)
                )
        except asyncio.CancelledError:
            raise
        except Exception as error:  # ours as well: what is shown must not look as if it were true
            self.why = self._scrub(one_line(str(error), 300) or type(error).__name__).rstrip(".")
            self._gave_up = isinstance(error, AuthFailed)
            self._status.tell(connected=False)
            await self.mirror.away()
            if isinstance(error, (Gone, Refusal)):
                raise NotReady(f"{self.name}: {self.why}") from error
            if isinstance(error, (NotReady, AuthFailed)):
                raise type(error)(f"{self.name}: {self.why}") from error
            raise
        finally:
            self._connection = None
            self._met.set()

    # -- inside ---------------------------------------------------------------------------------

    def _meant(self, domain: str, name: str, refusal: str) -> str:
        """For a field that a service does not take: which one was probably meant."""
        unknown, offer = EXTRA.search(refusal), self._offers.get((domain, name))
        near = nearest(unknown[1], offer.fields) if unknown and offer else None
        return f"; did you mean '{near}'?" if near else ""

    async def _until_one_ends(self, *work: Awaitable[None]) -> None:
        tasks = [asyncio.ensure_future(one) for one in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, connection: Connection) -> None:
        async with asyncio.timeout(ANSWERED_WITHIN):
            is_started = await self._greet(connection)
            await self._offer(connection)
            await feed(connection, self.mirror, is_whole=is_started)
        self._status.tell(connected=True, version=connection.version)
        self._part.beat()
        self._met.set()
        self._part.log.info(
            "%s is connected (Home Assistant %s): %d entities", self.name, connection.version, len(self.mirror)
        )
        while True:
            await self._services_changed.wait()
            await asyncio.sleep(SETTLED_AFTER)
            self._services_changed.clear()
            async with asyncio.timeout(ANSWERED_WITHIN):
                await self._offer(connection)

    async def _greet(self, connection: Connection) -> bool:
        """Whether the server has started, and knows all that it has."""

        async def changed(event: Any) -> None:
            self._services_changed.set()

        async def started(event: Any) -> None:
            await self.mirror.settle()

        wanted = (("service_registered", changed), ("service_removed", changed), ("homeassistant_started", started))
        asked = [
            connection.ask("supported_features", features={"coalesce_messages": 1}),
            *(connection.subscribe("subscribe_events", heard, event_type=event) for event, heard in wanted),
            connection.ask("get_config"),
        ]
        *answers, about = await asyncio.gather(*asked, return_exceptions=True)
        for answer in (*answers, about):
            if isinstance(answer, BaseException) and not isinstance(answer, Refusal):  # an older one knows less
                raise answer
        return not isinstance(about, dict) or about.get("state", "RUNNING") == "RUNNING"

    async def _offer(self, connection: Connection) -> None:
        told = await connection.ask("get_services")
        offers: dict[Name, Offer] = {}
        for domain, names in told.items() if isinstance(told, dict) else ():
            for name, about in names.items() if isinstance(names, dict) and domain not in NOT_OFFERED else ():
                if is_entity_id(f"{domain}.{name}") and self.may_call(domain, name):
                    offers[domain, name] = Offer.of(domain, name, about)
        self._offers = offers
        await self._offered(self, offers)


class Status(Entity):
    """Whether a server is connected."""

    def __init__(self, name: str) -> None:
        self.entity_id = f"binary_sensor.home_assistant_{name}"
        self.name = f"Home Assistant {name}"
        self._is_connected = False
        self._version = ""

    @property
    def state(self) -> str:
        return "on" if self._is_connected else "off"

    @property
    def attributes(self) -> Mapping[str, Any]:
        return {"device_class": "connectivity", "version": self._version}

    def tell(self, *, connected: bool, version: str = "") -> None:
        """Show how it is now."""
        self._is_connected, self._version = connected, version or self._version
        self.changed()


def _fits(name: str, globs: list[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
