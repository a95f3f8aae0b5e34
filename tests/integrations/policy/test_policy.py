"""Rules, limits and approvals as they are written under ``policy:``."""

from __future__ import annotations

from typing import Any

import pytest

from nanobot.contracts.policy import Act, Verdict
from nanobot.contracts.tool import Risk
from nanobot.errors import Busy, ServiceError
from nanobot.hub.context import Context
from nanobot.hub.entry import Entry
from nanobot.hub.hub import Hub
from nanobot.testing.chat import Chat, Echo
from nanobot.testing.plugin import House, SetUp

ALLOW, ASK, DENY = Verdict


def act(what: str = "shell", risk: Risk = Risk.DANGEROUS, **more: Any) -> Act:
    given = {"tool": what, "owner": True, "person": "chat:tester", "channel": "chat", "agent": "agent", **more}
    return Act(given.pop("actor", "agent"), what, risk, **given)


@pytest.mark.parametrize(
    ("rule", "about", "verdict"),
    [
        ({"tool": "sh*", "verdict": "allow"}, act(), ALLOW),
        ({"tool": "files", "verdict": "allow"}, act(), ASK),
        ({"tool": "call_service", "verdict": "deny"}, act("light.turn_on", Risk.WRITE, tool="call_service"), ALLOW),
        ({"service": "light", "verdict": "deny"}, act("light.turn_on", Risk.WRITE, tool="call_service"), DENY),
        ({"service": "*.turn_on", "verdict": "ask"}, act("light.turn_on", Risk.WRITE, tool="call_service"), ASK),
        ({"risk": ["write"], "verdict": "deny"}, act(risk=Risk.WRITE), DENY),
        ({"risk": ["write"], "verdict": "deny"}, act(risk=Risk.READ), ALLOW),
        ({"agent": "butler", "verdict": "deny"}, act(), ASK),
        ({"person": "chat:test*", "verdict": "deny"}, act(), DENY),
        ({"owner": False, "verdict": "allow"}, act(owner=False, tainted=True, risk=Risk.WRITE), ALLOW),
        ({"channel": "telegram", "verdict": "deny"}, act(), ASK),
        ({"chat": 42, "verdict": "deny"}, act(chat="42"), DENY),
        ({"tainted": True, "verdict": "deny"}, act(tainted=True), DENY),
        ({"tainted": True, "verdict": "deny"}, act(), ASK),
        ({"verdict": "allow"}, act(tainted=True), ASK),
        ({"verdict": "allow", "tainted": True}, act(tainted=True), ALLOW),
        ({"verdict": "allow"}, act(risk=Risk.WRITE, tainted=True), ALLOW),
        ({"verdict": "deny"}, act(actor="token"), ALLOW),
        ({"verdict": "deny", "actor": "token", "service": "x.y"}, act("x.y", actor="token", tool=""), DENY),
    ],
)
async def test_a_rule_fits_by_all_that_it_names(
    hub: Hub, set_up: SetUp, rule: dict[str, Any], about: Act, verdict: Verdict
) -> None:
    await set_up("policy", {"rules": [rule]})
    assert hub.policy.judge(about).verdict is verdict


async def test_the_first_rule_that_fits_decides_and_says_why(hub: Hub, set_up: SetUp) -> None:
    first = {"tool": "shell", "agent": "agent", "verdict": "deny", "reason": "Not on this machine."}
    await set_up("policy", {"rules": [first, {"tool": "shell", "verdict": "allow"}, {"verdict": "deny"}]})
    assert hub.policy.judge(act()).why == "Not on this machine."
    assert hub.policy.judge(act(agent="butler")).verdict is ALLOW
    assert hub.policy.judge(act("web")).why == "Rule 3 of 'policy' forbids web."


async def test_rules_change_while_everything_runs(hub: Hub, set_up: SetUp) -> None:
    entry = await set_up("policy", {"rules": [{"verdict": "deny"}]})
    assert hub.policy.judge(act()).verdict is DENY
    await set_up("policy", {"approvals": {"expires": "0:05", "ask": {"channel": "chat", "chat": 7}}})
    assert hub.policy.judge(act()).verdict is ASK
    assert hub.entries["policy"] is entry
    assert hub.approvals.options.expires == 300
    assert hub.approvals.options.where[0].chat == "7"


async def test_without_the_integration_all_is_as_usual_again(house: House, hub: Hub) -> None:
    await house.apply('policy: {rules: [{verdict: deny}], approvals: {expires: "0:05"}}')
    await house.apply("{}")
    assert hub.policy.judge(act()).verdict is ASK
    assert hub.approvals.options.expires == 3600
    assert hub.services.gate is None


async def test_services_of_tokens_and_automations_pass_once_a_rule_is_about_them(
    hub: Hub, entry: Entry, set_up: SetUp
) -> None:
    entry.service("knock", lambda call: None)
    await set_up("policy", {"rules": [{"verdict": "deny", "service": "test.knock", "actor": ["token", "automation"]}]})
    for actor in ("token", "automation"):
        with pytest.raises(ServiceError, match="Rule 1 of 'policy' forbids test.knock"):
            await hub.services.call("test", "knock", context=Context(actor=actor))
    await hub.services.call("test", "knock", context=Context(actor="user"))
    await set_up("policy", {"rules": []})
    await hub.services.call("test", "knock", context=Context(actor="token"))


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("{verdict: alow}", "did you mean 'allow'?"),
        ("{tol: shell, verdict: deny}", "did you mean 'tool'?"),
        ("{person: tester, verdict: deny}", "is no person; write it like 'telegram:12345'"),
        ("{actor: token, service: x.y, verdict: ask}", "only what an agent does can be asked"),
        ("{actor: token, tool: shell, verdict: deny}", "a rule about token names services"),
        ("{tool: shell, service: x.y, verdict: deny}", "write two rules"),
        ("{risk: harmless, verdict: deny}", "risk"),
        ("{tool: shell}", "verdict"),
    ],
)
async def test_a_wrong_rule_is_told_with_its_line(house: House, rule: str, told: str) -> None:
    applied = await house.apply(f"policy:\n  rules:\n    - {rule}\n")
    (problem,) = applied.problems
    assert told in str(problem)
    assert str(problem).startswith("configuration.yaml:3")


async def test_a_name_that_nothing_has_is_an_issue_with_the_nearest_one(
    hub: Hub, entry: Entry, set_up: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry.service("knock", lambda call: None)
    policy = await set_up("policy", {"rules": [{"verdict": "deny", "service": "test.nock"}]})
    policy.data[2].check()
    (issue,) = [issue for issue in hub.issues if issue.entry == "policy"]
    assert issue.text() == "Rule 1 of 'policy' never fits: there is no service 'test.nock'; did you mean 'test.knock'?"
    await set_up("policy", {"rules": [{"verdict": "deny", "service": "test.knock"}]})
    policy.data[2].check()
    assert not [issue for issue in hub.issues if issue.entry == "policy"]


# -- limits ---------------------------------------------------------------------------------------------


async def test_who_writes_too_much_is_told_once_and_costs_nothing(hub: Hub, chat: Chat, set_up: SetUp) -> None:
    chat.allow = frozenset({"*", "tester"})
    asked = []

    class Counting(Echo):
        async def respond(self, turn: Any) -> Any:
            asked.append(turn.text)
            async for part in super().respond(turn):
                yield part

    owner = Entry(hub, "agents", "agents", {})
    owner.add(Counting("echo"))
    await set_up("policy", {"limits": {"guest": {"messages_per_hour": 2}}})
    for text in ("one", "two"):
        await chat.types(text, sender="eve")
    for text in ("three", "four"):
        with pytest.raises(Busy):
            await chat.says(text, sender="eve")
    await chat.types("mine")
    assert asked == ["one", "two", "mine"]
    told = [text for text in chat.received if text.startswith("That is enough for now: 2 messages an hour")]
    assert len(told) == 1
    assert await chat.types("/status", sender="eve") is not None
    await owner.release()


async def test_a_channel_has_a_limit_of_its_own(hub: Hub, chat: Chat, entry: Entry, set_up: SetUp) -> None:
    entry.add(Echo("echo"))
    await set_up("policy", {"limits": {"channel": {"messages_per_day": 1}}})
    await chat.types("one")
    with pytest.raises(Busy):
        await chat.says("two")


async def test_calls_of_tools_are_counted_by_turn_and_by_hour(hub: Hub, set_up: SetUp) -> None:
    await set_up("policy", {"limits": {"person": {"tool_calls_per_turn": 2, "tool_calls_per_hour": 3}}})
    verdicts = [hub.policy.judge(act("look", Risk.READ, turn=turn)).verdict for turn in ("a", "a", "a", "b", "c")]
    assert verdicts == [ALLOW, ALLOW, DENY, ALLOW, DENY]
    service = act("light.turn_on", Risk.WRITE, tool="call_service", turn="d", person="chat:other")
    assert [hub.policy.judge(service).verdict for _ in range(5)] == [ALLOW] * 5
