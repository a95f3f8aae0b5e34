"""The one gate: what is decided about an act, by whom, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from nanobot.contracts.policy import Act, Judgement, Policy, Verdict
from nanobot.contracts.tool import Risk
from nanobot.errors import ServiceError
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub

ALLOW, ASK, DENY = Verdict
OWNERS = Act("agent", "shell", Risk.READ, owner=True, person="chat:tester", turn="t1", agent="agent")


class Saying(Policy):
    """Gives one verdict about everything, or does what it is given."""

    def __init__(self, verdict: Verdict | Callable[[Act], Any], name: str = "one", **more: Any) -> None:
        super().__init__(name)
        self.verdict = verdict
        for key, value in more.items():
            setattr(self, key, value)

    def judge(self, act: Act) -> Judgement | None:
        if isinstance(self.verdict, Verdict):
            return Judgement(self.verdict, f"{self.name} says so.")
        found: Judgement | None = self.verdict(act)
        return found


@pytest.mark.parametrize(
    ("risk", "owner", "tainted", "guarded", "verdict"),
    [
        (Risk.READ, True, False, False, ALLOW),
        (Risk.WRITE, True, True, False, ALLOW),
        (Risk.OUTSIDE, True, False, False, ALLOW),
        (Risk.OUTSIDE, True, True, False, ASK),
        (Risk.DANGEROUS, True, False, False, ASK),
        (Risk.DANGEROUS, True, True, False, ASK),
        (Risk.READ, False, True, False, ALLOW),
        (Risk.WRITE, False, True, False, DENY),
        (Risk.WRITE, False, True, True, ALLOW),
        (Risk.OUTSIDE, False, True, False, DENY),
        (Risk.DANGEROUS, False, True, True, DENY),
    ],
)
async def test_without_rules_what_is_risky_is_asked_and_guests_get_little(
    hub: Hub, risk: Risk, owner: bool, tainted: bool, guarded: bool, verdict: Verdict
) -> None:
    found = hub.policy.judge(replace(OWNERS, risk=risk, owner=owner, tainted=tainted, guarded=guarded))
    assert found.verdict is verdict
    assert bool(found.why) is (verdict is not ALLOW)


async def test_the_strictest_policy_counts(hub: Hub, entry: Entry) -> None:
    entry.add(Saying(ALLOW, "one"))
    entry.add(Saying(DENY, "two"))
    entry.add(Saying(ASK, "three"))
    assert hub.policy.judge(OWNERS) == Judgement(DENY, "two says so.")


async def test_a_policy_cannot_loosen_the_default_rules_but_the_word_of_the_owner_can(hub: Hub, entry: Entry) -> None:
    dangerous = replace(OWNERS, risk=Risk.DANGEROUS)
    remove = entry.add(Saying(ALLOW))
    assert hub.policy.judge(dangerous).verdict is ASK
    remove()
    entry.add(Saying(ALLOW, loosens=True))
    assert hub.policy.judge(dangerous).verdict is ALLOW
    entry.add(Saying(DENY, "two"))
    assert hub.policy.judge(dangerous).verdict is DENY


async def test_a_policy_that_fails_closes_the_gate(hub: Hub, entry: Entry) -> None:
    def broken(act: Act) -> Any:
        raise KeyError("rules")

    entry.add(Saying(broken, "house rules"))
    found = hub.policy.judge(OWNERS)
    assert found.verdict is DENY
    assert found.why == "shell was refused because the policy house rules failed; the log says why."


async def test_a_decision_is_told_without_the_arguments(hub: Hub, entry: Entry) -> None:
    hub.scrubber.add("hunter2-and-more")
    told = []
    entry.listen("policy_decision", lambda event: told.append((event.data, event.context.id)))
    entry.add(Saying(lambda act: Judgement(DENY, "Not with hunter2-and-more.")))
    context = Context(id="01ARZ3NDEKTSV4RRFFQ69G5FAV", actor="user")
    hub.policy.judge(replace(OWNERS, arguments={"command": "cat diary"}, tainted=True), context)
    ((data, of),) = told
    assert of == context.id
    assert data == {
        "what": "shell",
        "verdict": "deny",
        "why": "Not with ••••.",
        "actor": "agent",
        "risk": "read",
        "person": "chat:tester",
        "agent": "agent",
        "session": "",
        "turn": "t1",
        "tainted": True,
    }


async def test_services_pass_the_gate_only_while_a_policy_is_about_who_calls(hub: Hub, entry: Entry) -> None:
    called: list[str] = []
    entry.service("knock", lambda call: called.append(call.context.actor))
    token, automation = Context(actor="token"), Context(actor="automation")
    assert hub.services.gate is None
    remove = entry.add(Saying(DENY, actors=frozenset({"token"})))
    with pytest.raises(ServiceError, match="one says so"):
        await hub.services.call("test", "knock", context=token)
    await hub.services.call("test", "knock", context=automation)
    remove()
    assert hub.services.gate is None
    await hub.services.call("test", "knock", context=token)
    assert called == ["automation", "token"]


async def test_no_more_turns_are_remembered_than_matter(hub: Hub) -> None:
    for number in range(3000):
        hub.policy.taint(f"t{number}")
    assert hub.policy.is_tainted("t2999")
    assert not hub.policy.is_tainted("t0")
