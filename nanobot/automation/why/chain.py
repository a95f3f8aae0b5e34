"""Follows contexts from an effect to its first cause."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nanobot.errors import NanobotError, StorageError
from nanobot.hub.causes import CallCause, MessageCause
from nanobot.hub.groups import expanded
from nanobot.hub.hub import Hub
from nanobot.hub.states import State
from nanobot.util.text import nearest
from nanobot.util.translate import translate

from .conditions import conditions_of
from .facts import About, Facts, RunFact, trace_of
from .links import Link, Links
from .turn import turn_link

MOST = 40  # links of a chain
CLOSE = 5.0  # s between a call and what it changed
_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
_ENTITY = re.compile(r"\b[a-z0-9_]+\.[a-z0-9_]+\b")


async def why(hub: Hub, asked: str, *, language: str = "en") -> Links:
    """Why a thing is as it is, why a message was sent, what a context comes from.

    ``asked``: an entity id or name, the id of a message (ours or the platform's), of a context or of a run. Raises
    ``NanobotError`` when it is none of them; the sentence is in ``language``.
    """
    wanted = asked.strip().strip("\"'“”„«»")
    chain = _Chain(hub)
    state = _state(hub, wanted)
    if state is not None:
        await chain.of_state(state)
    elif (message := _message(hub, wanted)) is not None:
        await chain.of_message(message)
    elif (found := trace_of(hub, wanted)) is not None:
        await chain.of_run(found[1].context.id, wanted)
    elif _ID.fullmatch(wanted.upper()) is None or not (
        await chain.of_context(wanted.upper()) or await chain.of_turn(wanted.upper())
    ):
        names = [state.entity_id for state in hub.states]
        near = nearest(wanted, names)
        key = "why.unknown_near" if near else "why.unknown"
        raise NanobotError(translate(key, language, asked=wanted, near=near))
    return chain.answer(asked)


def _state(hub: Hub, wanted: str) -> State | None:
    found = hub.states.get(wanted)
    if found is not None:
        return found
    name = wanted.casefold()
    called = [state for state in hub.states if state.name.casefold() == name]
    return called[0] if len(called) == 1 else None


def _message(hub: Hub, wanted: str) -> MessageCause | None:
    for message in reversed(hub.causes.messages):
        if wanted in (message.id, message.message_id):
            return message
    return None


class _Chain:
    """Collects the links."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._facts = Facts(hub)
        self._links: list[Link] = []
        self._effects: list[Link] = []
        self._complete = True

    def answer(self, asked: str) -> Links:
        scrub = self._hub.scrubber.scrub
        links = tuple(_scrubbed(link, scrub) for link in self._links)
        return Links(asked, links, tuple(_scrubbed(link, scrub) for link in self._effects), self._complete)

    async def of_state(self, state: State) -> None:
        """The state as it is now."""
        shown = {"name": state.name, "state": state.state, "unit": state.attributes.get("unit_of_measurement")}
        context_id = await self._written_by(state)
        self._add(Link("state", state.entity_id, state.last_changed, shown, context_id))
        await self._follow(context_id, state.entity_id, state.last_changed)

    async def of_message(self, message: MessageCause) -> None:
        """A message that was sent, or what came of one that came in."""
        if message.direction == "in":
            self._add(_message_link(message))
            await self.of_turn(message.id)
            for call in self._facts.effects(message.id):
                if len(self._effects) < MOST:
                    self._effects.append(_call_link(call))
            for sent in self._hub.causes.messages:
                if sent.direction == "out" and sent.context.parent_id == message.id and len(self._effects) < MOST:
                    self._effects.append(_message_link(sent))
            return
        self._add(_message_link(message))
        if message.context.parent_id is not None:
            await self._follow(message.context.parent_id, sent=message.id)
            await self.of_turn(message.context.parent_id)

    async def of_turn(self, turn: str) -> bool:
        """What an agent did to answer a message. False: nothing is known of it."""
        try:
            trace = await self._hub.conversations.traces.of(turn)
        except StorageError:
            return False
        if trace is None:
            return False
        self._effects.append(turn_link(trace))
        return True

    async def of_run(self, context_id: str, run_id: str) -> None:
        """A run."""
        await self._follow(context_id, run_id=run_id)

    async def of_context(self, context_id: str) -> bool:
        """Whatever was done with it. False: nothing is known of it."""
        about = await self._facts.about(context_id)
        if not about.is_known and about.cause is None and not about.states:
            return False
        written = [state for state in self._hub.states if state.context.is_known_as(context_id)]
        if len(written) == 1:
            await self.of_state(written[0])
            return True
        message = about.messages[0] if about.messages else None
        if message is not None:
            await self.of_message(message)
            return True
        await self._follow(context_id)
        return True

    # -- one context after the other --------------------------------------------------------------------

    async def _written_by(self, state: State) -> str:
        """The id of the context in which the state became what it is; attributes may have changed since."""
        if state.last_changed == state.last_updated:
            return state.context.id
        before = [
            call
            for call in self._hub.causes.calls
            if 0 <= state.last_changed - call.time < CLOSE and state.entity_id in self._targets(call)
        ]
        if before:
            return before[-1].context.id
        history = self._hub.history
        if history is not None:
            rows = await history.logbook(state.last_changed - 0.001, state.last_changed + 0.001, [state.entity_id])
            ids = [row["context_id"] for row in rows if row.get("context_id")]
            if ids:
                return str(ids[-1])
        return state.context.id

    async def _follow(
        self,
        context_id: str,
        entity_id: str | None = None,
        time: float | None = None,
        *,
        run_id: str | None = None,
        sent: str | None = None,
    ) -> None:
        seen: set[str] = set()
        while context_id not in seen and len(self._links) < MOST:
            seen.add(context_id)
            about = await self._facts.about(context_id)
            call = self._call(about, entity_id, time) if run_id is None and sent is None else None
            if call is not None:
                self._add(_call_link(call))
            first = self._runs(about, call, run_id, sent)
            message = next((one for one in about.messages if one.direction == "in"), None)
            if message is not None:
                self._add(_message_link(message))
                return
            cause = about.cause
            trigger = self._trigger(first, about) if first is not None else None
            if trigger is not None:
                self._add(trigger)
            elif cause is not None and cause.actor not in (None, "system", "automation"):
                by_owner = self._is_owner(cause.user_id)
                if cause.parent_id is None or cause.actor == "agent":
                    self._add(Link("actor", str(cause.actor), None, {"owner": by_owner}, context_id))
            elif call is None and first is None and entity_id and (cause is None or cause.parent_id is None):
                self._add(Link("reported", entity_id, time, {}, context_id))
            if cause is None or cause.parent_id is None:
                self._complete = self._complete and cause is not None
                return
            context_id, run_id, sent = cause.parent_id, None, None
            entity_id = trigger.data.get("entity_id") if trigger is not None else None
            time = trigger.data.get("changed") if trigger is not None else None

    def _is_owner(self, user_id: str | None) -> bool:
        return user_id is not None and user_id == self._hub.credentials.owner_id

    def _call(self, about: About, entity_id: str | None, time: float | None) -> CallCause | None:
        """The call that wrote a state, or the last one of this context."""
        calls = about.calls
        if time is not None:
            calls = [call for call in calls if call.time <= time + CLOSE] or calls
        if entity_id is not None:
            domain = entity_id.partition(".")[0]
            on_it = [call for call in calls if entity_id in self._targets(call)]
            calls = on_it or [call for call in calls if call.domain == domain and call.entity_id in (None, "all")]
        return calls[-1] if calls else None

    def _targets(self, call: CallCause) -> list[str]:
        given = call.entity_id
        ids = [given] if isinstance(given, str) else list(given) if isinstance(given, (list, tuple, set)) else []
        found: list[str] = []
        for one in ids:
            found.append(str(one))
            if str(one).startswith("group."):
                found.extend(expanded(self._hub.states, str(one)))
        return found

    def _runs(self, about: About, call: CallCause | None, run_id: str | None, sent: str | None) -> RunFact | None:
        """Link the runs of a context, from the one that acted to the one that began it all, which is given back."""
        runs = about.runs
        if not runs:
            return None
        acted = len(runs) - 1
        for index, fact in reversed(list(enumerate(runs))):
            if (
                (run_id is not None and fact.run.run_id == run_id)
                or (sent is not None and _did(fact, lambda result: result.get("message") == sent))
                or (call is not None and _did(fact, lambda result: _is_call(result, call.domain, call.service)))
            ):
                acted = index
                break
        while True:
            fact = runs[acted]
            self._add(_run_link(fact))
            if acted == 0:
                return fact
            domain, _, name = fact.run.entity_id.partition(".")
            above = [
                index
                for index in range(acted)
                if _did(runs[index], lambda result: _is_start(result, domain, name, fact.run.entity_id))  # noqa: B023
            ]
            acted = above[-1] if above else 0

    def _trigger(self, fact: RunFact, about: About) -> Link | None:
        """What started a run; None for one that was called."""
        source = fact.run.source
        if source is None:
            return None
        given = trigger_of(fact.trace) if fact.trace is not None else {}
        old, new = given.get("from_state"), given.get("to_state")
        data: dict[str, Any] = {"platform": given.get("platform"), "entity_id": given.get("entity_id")}
        if isinstance(old, Mapping):
            data["from"] = old.get("state")
        if isinstance(new, Mapping):
            data["to"] = new.get("state")
            data["changed"] = datetime.fromisoformat(new["last_updated"]).timestamp()
        for cause in (new, given.get("event")):
            if isinstance(cause, Mapping) and isinstance(cause.get("context"), Mapping):
                self._facts.know(cause["context"])
        if data["entity_id"] is None and (named := _ENTITY.search(source)):
            data["entity_id"] = named[0]
        return Link("trigger", source, fact.run.time, data, about.cause.parent_id if about.cause else None)

    def _add(self, link: Link) -> None:
        if len(self._links) < MOST:
            self._links.append(link)
        else:
            self._complete = False


# -- links of what is known -----------------------------------------------------------------------------


def _call_link(call: CallCause) -> Link:
    ids = list(call.entity_id) if isinstance(call.entity_id, (list, tuple, set)) else call.entity_id
    return Link("call", f"{call.domain}.{call.service}", call.time, {"entity_id": ids}, call.context.id)


def _message_link(message: MessageCause) -> Link:
    data = {
        "channel": message.channel,
        "chat": message.chat,
        "session": message.session,
        "sender": message.sender,
        "text": message.text,
    }
    kind = "message" if message.direction == "in" else "sent"
    return Link("message" if kind == "message" else "sent", message.id, message.time, data, message.context.id)


def _run_link(fact: RunFact) -> Link:
    run = fact.run
    data = {
        "domain": run.domain,
        "name": run.name,
        "run_id": run.run_id or None,
        "outcome": fact.outcome,
        "error": fact.error,
        "conditions": [] if fact.trace is None else conditions_of(fact.trace),
    }
    return Link("run", run.entity_id, run.time, data, run.context.id)


def trigger_of(trace: Mapping[str, Any]) -> Mapping[str, Any]:
    """The variable ``trigger`` of a run, of its full trace."""
    for path, steps in trace.get("trace", {}).items():
        if path == "trigger" or path.startswith("trigger/"):
            given = (steps[0].get("changed_variables") or {}).get("trigger")
            return given if isinstance(given, Mapping) else {}
    return {}


def _did(fact: RunFact, fits: Any) -> bool:
    """Whether a step of a run has such a result."""
    if fact.trace is None:
        return False
    return any(
        fits(step["result"])
        for steps in fact.trace.get("trace", {}).values()
        for step in steps
        if isinstance(step.get("result"), Mapping)
    )


def _is_call(result: Mapping[str, Any], domain: str, service: str) -> bool:
    params = result.get("params")
    return isinstance(params, Mapping) and (params.get("domain"), params.get("service")) == (domain, service)


def _is_start(result: Mapping[str, Any], domain: str, name: str, entity_id: str) -> bool:
    params = result.get("params")
    if not isinstance(params, Mapping):
        return False
    if (params.get("domain"), params.get("service")) == (domain, name):
        return True
    given = [params.get("target"), params.get("service_data")]
    return any(entity_id in _listed(one.get("entity_id")) for one in given if isinstance(one, Mapping))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _scrubbed(link: Link, scrub: Any) -> Link:
    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return scrub(value)
        if isinstance(value, Mapping):
            return {key: clean(one) for key, one in value.items()}
        return [clean(one) for one in value] if isinstance(value, list) else value

    return Link(link.kind, scrub(link.what), link.time, clean(link.data), link.context_id)
