"""What may be written under ``policy:``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import voluptuous as vol

from nanobot.config import validators as cv
from nanobot.config.globs import service_globs
from nanobot.contracts.policy import AGENT, Verdict
from nanobot.contracts.tool import Risk

RISKY = frozenset({Risk.OUTSIDE, Risk.DANGEROUS})
ACTORS = (AGENT, "automation", "token", "user")
SPANS = {"minute": 60.0, "hour": 3600.0, "day": 86_400.0}
"""Seconds."""

_VERDICTS = {verdict.word: verdict for verdict in Verdict}
_RISKS = {risk.value: risk for risk in Risk}


def _person(value: Any) -> str:
    text = cv.string(value).strip()
    if ":" not in text:
        raise vol.Invalid("is no person; write it like 'telegram:12345', or 'telegram:*' for everybody there")
    return text


def _set(values: list[Any]) -> frozenset[Any]:
    return frozenset(values)  # the type itself would be a check of types


def _sensible(rule: dict[str, Any]) -> dict[str, Any]:
    """Nobody can be asked about what no agent does, and only agents have tools."""
    others = sorted(rule["actor"] - {AGENT})
    if others and rule["verdict"] is Verdict.ASK:
        raise vol.Invalid("only what an agent does can be asked; write 'allow' or 'deny'", path=["verdict"])
    if AGENT not in rule["actor"]:
        for key in ("tool", "agent", "channel", "chat", "tainted", "owner"):
            if key in rule:
                raise vol.Invalid(f"only agents have that; a rule about {', '.join(others)} names services", path=[key])
    if "tool" in rule and "service" in rule:
        raise vol.Invalid("a rule is about a tool or about a service; write two rules", path=["service"])
    return rule


_names = vol.All(cv.ensure_list, [cv.string])
_RULE = vol.All(
    {
        vol.Required("verdict"): vol.All(cv.one_of(*_VERDICTS), _VERDICTS.__getitem__),
        vol.Optional("reason"): cv.string,
        vol.Optional("tool"): _names,
        vol.Optional("service"): service_globs,
        vol.Optional("risk"): vol.All(cv.ensure_list, [vol.All(cv.one_of(*_RISKS), _RISKS.__getitem__)], _set),
        vol.Optional("agent"): _names,
        vol.Optional("person"): vol.All(cv.ensure_list, [_person]),
        vol.Optional("owner"): cv.boolean,
        vol.Optional("channel"): _names,
        vol.Optional("chat"): vol.All(cv.ensure_list, [cv.chat_id]),
        vol.Optional("tainted"): cv.boolean,
        vol.Optional("actor", default=lambda: [AGENT]): vol.All(cv.ensure_list, [cv.one_of(*ACTORS)], _set),
    },
    _sensible,
)
_COUNT = vol.All(cv.whole_number, vol.Range(min=1))
_LIMITS = vol.Schema(
    {
        **{vol.Optional(f"messages_per_{span}"): _COUNT for span in SPANS},
        **{vol.Optional(f"tool_calls_per_{span}"): _COUNT for span in ("turn", "hour", "day")},
    }
)
_APPROVALS = vol.Schema(
    {
        vol.Optional("expires", default=timedelta(hours=1)): cv.positive_time_period,
        vol.Optional("ask", default=list): vol.All(
            cv.ensure_list,
            [
                {
                    vol.Required("channel"): cv.string,
                    vol.Required("chat"): cv.chat_id,
                    vol.Optional("thread"): cv.string,
                }
            ],
        ),
    }
)

CONFIG_SCHEMA = vol.Schema(
    {
        vol.Optional("rules", default=list): vol.All(cv.ensure_list, [_RULE]),
        vol.Optional("limits", default=dict): {vol.Optional(who): _LIMITS for who in ("person", "guest", "channel")},
        vol.Optional("approvals", default=lambda: _APPROVALS({})): _APPROVALS,
    }
)
