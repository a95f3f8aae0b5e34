"""The automation language: try its parts, run it, and see what automations and scripts are made of and did."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import voluptuous as vol

from nanobot.automation import parse
from nanobot.automation.attach import attach
from nanobot.automation.decide import Case
from nanobot.automation.run import Run
from nanobot.automation.runner import Runner
from nanobot.automation.trace import End, plain
from nanobot.automation.variables import rendered
from nanobot.config import validators as cv
from nanobot.config.explain import MOST_TOLD, explain
from nanobot.contracts import socket_command as sc
from nanobot.contracts.runnable import Runnable, RunTrace
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access
from nanobot.errors import NanobotError, ServiceError, ServiceNotFound
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.templates import TemplateError
from nanobot.util.aio import in_thread

from .core import no_such_service

_PARTS: Mapping[str, Callable[[Any], Any]] = {
    "triggers": parse.triggers,
    "conditions": parse.conditions,
    "actions": parse.actions,
    "trigger": parse.triggers,
    "condition": parse.conditions,
    "action": parse.actions,
}
_log = logging.getLogger("nanobot.websocket_api")


class Language:
    """What runs the language for clients. A script that a client had run goes on when the client leaves."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry
        self._runners: dict[Runner, None] = {}
        entry.on_unload(self._stop)

    def commands(self) -> list[SocketCommand]:
        """All of them."""
        parts: dict[Any, Any] = {vol.Optional(key): object for key in _PARTS}
        return [
            SocketCommand("subscribe_trigger", self.follow, Access.ADMIN, _with_variables("trigger")),
            SocketCommand("test_condition", self.test, Access.ADMIN, _with_variables("condition")),
            SocketCommand("execute_script", self.execute, Access.ADMIN, _with_variables("sequence")),
            SocketCommand("validate_config", self.validate, Access.ADMIN, vol.Schema(parts)),
        ]

    async def follow(self, call: SocketCall) -> None:
        """Be told whenever a trigger fires: ``{variables: {trigger, …its own}, context}``."""
        triggers = await _understood(call, "trigger", parse.triggers)
        given = call.data.get("variables") or {}

        def triggered(trigger: Mapping[str, Any], context: Context | None, own: Mapping[str, Any]) -> None:
            try:
                known = rendered(call.hub, own, {**given, "trigger": trigger})
            except TemplateError as error:
                self._entry.log.error("variables of trigger %s: %s", trigger["id"], error)
                return
            told = {name: value for name, value in known.items() if name in own or name == "trigger"}
            call.event({"variables": told, "context": context})

        detach, failed = await attach(call.hub, triggers, triggered, self._entry.log, variables=given)
        if failed and len(failed) == len(triggers):
            detach()
            raise SocketError(sc.HOME_ASSISTANT_ERROR, "; ".join(failed))
        call.subscribe(detach)

    async def test(self, call: SocketCall) -> Any:
        """Whether a condition holds; null for one that is disabled. An unknown entity is an error."""
        condition = await _understood(call, "condition", parse.condition)
        case = Case(call.hub, call.data.get("variables") or {}, self._entry.log)
        return {"result": case.ask(condition, case.path)}

    async def execute(self, call: SocketCall) -> Any:
        """Run a sequence and wait for its end."""
        sequence = await _understood(call, "sequence", parse.actions)
        variables = {**(call.data.get("variables") or {}), "context": call.context}
        runner = Runner(
            call.hub, sequence, self._entry.tasks, self._entry.log, _ignore, path="sequence", mode="parallel"
        )
        self._runners[runner] = None
        try:
            run = runner.start(variables, call.context, _ignore)
            if run is not None:
                await run.wait()
        finally:
            del self._runners[runner]
        return {"context": call.context, "response": None if run is None else _response(run)}

    async def validate(self, call: SocketCall) -> Any:
        """Which parts of an automation are right, and what is wrong with the others."""
        told = {}
        for key, value in call.data.items():
            try:
                await in_thread(_PARTS[key], value)
            except vol.Invalid as error:
                problems = explain(error, value, (), None, call.hub.scrubber.scrub, most=MOST_TOLD)
                told[key] = {"valid": False, "error": "; ".join(problem.told() for problem in problems)}
            else:
                told[key] = {"valid": True, "error": None}
        return told

    async def _stop(self) -> None:
        for runner in list(self._runners):
            await runner.stop()


def _with_variables(key: str) -> vol.Schema:
    return vol.Schema({vol.Required(key): object, vol.Optional("variables"): vol.Any(dict, None)})


async def _understood(call: SocketCall, key: str, parse_it: Callable[[Any], Any]) -> Any:
    """A part of the message in the automation language. Raises ``vol.Invalid`` with the path in the message."""
    try:
        return await in_thread(parse_it, call.data[key])  # words of integrations may be imported by it
    except vol.Invalid as error:
        for one in error.errors if isinstance(error, vol.MultipleInvalid) else [error]:
            one.prepend([key])
        raise


def _response(run: Run) -> Any:
    if run.end is End.ERROR and run.error is not None:
        if isinstance(run.error, ServiceNotFound):
            told = no_such_service(*(run.error.service or ".").split(".", 1))
            raise SocketError(sc.SERVICE_VALIDATION_ERROR, str(run.error), told) from run.error
        if isinstance(run.error, NanobotError | vol.Invalid):
            raise run.error
        raise ServiceError(f"{type(run.error).__name__}: {run.error}") from run.error
    return run.response


def _ignore(anything: Any) -> None:
    pass


# -- what automations and scripts are and did -------------------------------------------------------


def config_of(domain: str) -> Callable[[SocketCall], Any]:
    """The configuration of one automation or script as it is written."""

    def config(call: SocketCall) -> Any:
        one: Any = call.hub.entities.get(call.data["entity_id"])
        if isinstance(one, Runnable) and one.domain == domain:
            return {"config": plain(one.written)}
        raise SocketError(sc.NOT_FOUND, "Entity not found")

    return config


def traces(call: SocketCall) -> Any:
    """The latest runs, oldest first."""
    return [trace.short() for one in _asked_for(call) for trace in one.traces]


def trace(call: SocketCall) -> Any:
    """One run with all its steps."""
    for one in _asked_for(call):
        for run in one.traces:
            if run.run_id == call.data["run_id"]:
                return run.full()
    raise SocketError(sc.NOT_FOUND, "The trace could not be found")


def contexts(call: SocketCall) -> Any:
    """Which run each context is of."""
    told = {}
    for one in _asked_for(call):
        for run in one.traces:
            context_id = _context_id(run)
            if context_id is not None:
                told[context_id] = {"run_id": run.run_id, "domain": one.domain, "item_id": one.item_id}
    return told


def _asked_for(call: SocketCall) -> list[Runnable]:
    data = call.data
    return [
        one
        for one in call.hub.runnables
        if data.get("domain") in (None, one.domain) and data.get("item_id") in (None, one.item_id)
    ]


def _context_id(run: RunTrace) -> str | None:
    context = getattr(run, "context", None)
    return context.id if isinstance(context, Context) else None


_ENTITY = vol.Schema({vol.Required("entity_id"): cv.entity_id})
_DOMAIN = vol.All(str, vol.Match(r"^[a-z0-9_]+\Z"))

COMMANDS = [
    SocketCommand("automation/config", config_of("automation"), Access.USER, _ENTITY),
    SocketCommand("script/config", config_of("script"), Access.USER, _ENTITY),
    SocketCommand(
        "trace/list",
        traces,
        Access.ADMIN,
        vol.Schema({vol.Required("domain"): _DOMAIN, vol.Optional("item_id"): str}),
    ),
    SocketCommand(
        "trace/get",
        trace,
        Access.ADMIN,
        vol.Schema({vol.Required("domain"): _DOMAIN, vol.Required("item_id"): str, vol.Required("run_id"): str}),
    ),
    SocketCommand(
        "trace/contexts",
        contexts,
        Access.ADMIN,
        vol.Schema({vol.Inclusive("domain", "id"): _DOMAIN, vol.Inclusive("item_id", "id"): str}),
    ),
]
