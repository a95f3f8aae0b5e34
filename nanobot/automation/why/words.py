"""Answers in words, in the language of a person. The texts are ``why.*`` of the translations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from nanobot.hub.hub import Hub
from nanobot.util.translate import translate

from .links import Link, Links, TriggerFacts, WhyNot
from .turn import turn_text

SHOWN = 5  # effects, triggers and the like that are told at once
LONGEST = 120  # characters of a message or value

Say = Callable[..., str]


def why_text(hub: Hub, answer: Links, language: str) -> str:
    """One sentence from the effect to the first cause."""
    words = _Words(hub, language)
    clauses: list[str] = []
    links = answer.links
    index = 0
    after_trigger = False
    while index < len(links):
        link = links[index]
        following = links[index + 1] if index + 1 < len(links) else None
        if link.kind == "call" and following is not None and following.kind == "run":
            key = "wrote_by" if after_trigger else "called_by"
            clauses.append(words.say(key, run=words.run(following), service=link.what) + words.held(following))
            index += 2
            after_trigger = False
            continue
        clauses.append(words.clause(link, first=index == 0, after_trigger=after_trigger, before=links[:index]))
        after_trigger = link.kind == "trigger"
        index += 1
    if not answer.complete and links:
        clauses.append(words.say("breaks_off"))
    text = words.sentence(clauses)
    if links and links[0].kind == "run":
        text = text[:1].upper() + text[1:]
    effects = [link for link in answer.effects if link.kind != "turn"]
    if effects:
        told = [words.effect(link) for link in effects[:SHOWN]]
        if len(effects) > SHOWN:
            told.append(words.say("more", count=len(effects) - SHOWN))
        text += " " + words.say("effects", effects=words.listed(told))
    for link in answer.effects:
        if link.kind == "turn":
            text = f"{text} {turn_text(link.data, words.say)}".strip()
    return text or words.say("nothing_known")


def why_not_text(hub: Hub, answer: WhyNot, language: str) -> str:
    """What holds it back, what stopped it the last time, and how its triggers are; one line each."""
    words = _Words(hub, language)
    what = words.item(answer.domain, answer.name)
    lines = [words.idle(answer, what)]
    if answer.idle == "off" and answer.off is not None and len(answer.off.links) > 1:
        lines.append(why_text(hub, answer.off, language))
    lines += [words.say("trigger_failed", error=_ended(text)) for text in answer.failed]
    lines.append(words.last(answer, what))
    if answer.plan is not None and answer.plan.missed:
        lines.append(words.say(f"missed_{answer.plan.policy}", count=answer.plan.missed))
    if answer.ran is not None and (answer.last is None or answer.last.data["outcome"] not in (None, "finished")):
        lines.append(words.say("ran", what=what, time=words.time(answer.ran)))
    lines += words.triggers(answer.triggers)
    return "\n".join(line for line in lines if line)


class _Words:
    def __init__(self, hub: Hub, language: str) -> None:
        self._hub = hub
        self._language = language

    def say(self, key: str, **given: object) -> str:
        return translate(f"why.{key}", self._language, **given)

    def time(self, when: float) -> str:
        """The time of day, with the date when that is another than today's."""
        zone = self._hub.clock.zone
        moment, now = datetime.fromtimestamp(when, zone), self._hub.clock.now()
        return f"{moment:%H:%M:%S}" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M}"

    def listed(self, parts: Iterable[str]) -> str:
        return self.say("comma").join(parts)

    def sentence(self, clauses: list[str]) -> str:
        text = self.say("comma").join(clause for clause in clauses if clause)
        return text + self.say("stop") if text else ""

    def item(self, domain: str, name: str) -> str:
        key = f"item_{domain}"
        told = self.say(key, name=name)
        return name if told == f"why.{key}" else told

    def run(self, link: Link) -> str:
        return self.item(link.data["domain"], link.data["name"])

    def held(self, link: Link) -> str:
        """The conditions that held, in brackets."""
        told = [self.condition(one) for one in link.data["conditions"] if one["result"]]
        return self.say("held", conditions=self.listed(told[:SHOWN])) if told else ""

    def condition(self, one: Mapping[str, Any]) -> str:
        """A condition with what it saw."""
        name, seen, error = one["name"], one["seen"], one["error"]
        if error:
            return self.say("seen_error", condition=name, error=_ended(error))
        bounds = [
            self.say(f"seen_{side}", bound=seen[f"wanted_state_{side}"])
            for side in ("above", "below")
            if f"wanted_state_{side}" in seen
        ]
        if "wanted_state" in seen and seen.get("state") is not None:
            wanted = seen["wanted_state"]
            wanted = self.listed(map(str, wanted)) if isinstance(wanted, list) else wanted
            key = "seen_state" if one["result"] or str(seen["state"]) == str(wanted) else "seen_not_state"
            told = self.say(key, condition=name, state=_short(seen["state"]), wanted=_short(wanted))
            if "wanted_duration" in seen and not one["result"]:
                told += " " + self.say(
                    "seen_for", lasted=round(seen["duration"]), wanted=round(seen["wanted_duration"])
                )
            return told
        if bounds:
            return self.say("seen_number", condition=name, state=seen.get("state"), bounds=self.listed(bounds))
        values = {key: value for key, value in seen.items() if value is not None}
        if values:
            return f"{name} ({self.listed(f'{key}: {_short(value)}' for key, value in values.items())})"
        return str(name)

    # -- why --------------------------------------------------------------------------------------------

    def clause(self, link: Link, *, first: bool, after_trigger: bool, before: tuple[Link, ...]) -> str:
        """One link that stands for itself."""
        data = link.data
        match link.kind:
            case "state":
                unit = f" {data['unit']}" if data.get("unit") else ""
                since = self.time(link.time) if link.time is not None else "?"
                return self.say("state", name=data["name"], state=f"{data['state'] or '“”'}{unit}", time=since)
            case "call":
                return self.say("wrote" if after_trigger else "call", service=link.what)
            case "run":
                started = any(one.kind == "run" for one in before) and not after_trigger
                key = "run_first" if first else "caused" if after_trigger else "started_by" if started else "ran_first"
                when = self.time(link.time) if link.time is not None else "?"
                return self.say(key, run=self.run(link), time=when) + self.held(link)
            case "trigger":
                if "from" in data or "to" in data:
                    ends = {"old": _state(data.get("from")), "new": _state(data.get("to"))}
                    return self.say("trigger_change", source=link.what, **ends)
                return self.say("trigger", source=link.what)
            case "message":
                given = {
                    "who": data["sender"] or data["chat"],
                    "channel": data["channel"],
                    "text": _short(data["text"]),
                }
                return self.say("message_first" if first else "message", **given)
            case "sent":
                return self.say("sent", chat=data["chat"], channel=data["channel"], text=_short(data["text"]))
            case "actor":
                key = "actor_owner" if data.get("owner") and link.what == "user" else f"actor_{link.what}"
                told = self.say(key)
                return self.say("actor_other", who=link.what) if told == f"why.{key}" else told
            case "reported":
                return self.say("reported_then" if after_trigger else "reported")
            case "turn":
                return turn_text(data, self.say)

    def effect(self, link: Link) -> str:
        """Something that came of a message."""
        if link.kind == "call":
            ids = link.data.get("entity_id")
            named = self.listed(ids) if isinstance(ids, list) else ids
            return f"{link.what} ({named})" if named else link.what
        return self.say("answered", text=_short(link.data["text"]))

    # -- why not ----------------------------------------------------------------------------------------

    def idle(self, answer: WhyNot, what: str) -> str:
        """What holds it back now."""
        since = self.time(answer.since) if answer.since is not None else "?"
        if answer.idle is not None:
            key = f"idle_{answer.idle}"
            if answer.plan is not None and answer.idle in ("off", "starting"):
                key += "_schedule"
            return self.say(key, what=what, since=since, error=_ended(answer.error or "?"))
        if answer.error is not None:
            return self.say("refused", what=what, error=_ended(answer.error))
        if answer.plan is not None:
            if answer.plan.next is None:
                return self.say("waits_never", what=what)
            return self.say("waits_until", what=what, next=self.time(answer.plan.next))
        return self.say("listens" if answer.domain == "automation" else "ready", what=what)

    def last(self, answer: WhyNot, what: str) -> str:
        """The last time that something was to start it."""
        last = answer.last
        if last is None:
            key = "never_fired" if answer.domain == "automation" else "never_called"
            return self.say("never_came" if answer.plan is not None else key, what=what)
        given = {
            "what": what,
            "time": self.time(last.time or 0.0),
            "source": last.data["source"] or "?",
            "mode": answer.mode,
            "error": _ended(last.data["error"] or "?"),
        }
        key = "last_fired" if last.data["source"] else "last_called"
        if answer.plan is not None:
            key = last.data.get("came") or "last_called"
        began = self.say(key, **given)
        outcome = last.data["outcome"]
        if outcome == "failed_conditions":
            failed = [self.condition(one) for one in last.data["conditions"] if not one["result"]]
            return f"{began} {self.say('end_conditions', conditions=self.listed(failed[:SHOWN]) or '?')}"
        key = "end_running" if outcome is None else f"end_{outcome}"
        return f"{began} {self.say(key, **given)}"

    def triggers(self, triggers: tuple[TriggerFacts, ...]) -> list[str]:
        """Those that never fired, are disabled, or watch what is not there."""
        lines = []
        for trigger in triggers:
            missing = [entity_id for entity_id, state in trigger.entities.items() if state is None]
            given = {"number": trigger.index + 1, "trigger": trigger.name}
            if not trigger.enabled:
                lines.append(self.say("trigger_disabled", **given))
                continue
            if missing:
                lines.append(self.say("trigger_missing", entities=self.listed(missing), **given))
            if trigger.fired is None:
                now = self.listed(
                    f"{one}: {_short(state)}" for one, state in trigger.entities.items() if state is not None
                )
                key = "trigger_never_now" if now else "trigger_never"
                lines.append(self.say(key, states=now, **given))
        if len(lines) > 2 * SHOWN:
            lines = [*lines[: 2 * SHOWN], self.say("more", count=len(lines) - 2 * SHOWN)]
        return lines


def _ended(text: str) -> str:
    return text.strip().rstrip(".")


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _state(value: Any) -> str:
    return "—" if value is None else _short(value)
