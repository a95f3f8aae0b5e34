"""The ``tests:`` beside an automation, a script or a blueprint, as they are written. The running hub ignores them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any

import voluptuous as vol

from nanobot.automation.trace import End
from nanobot.config import validators as cv
from nanobot.config.explain import explain
from nanobot.config.wrong import Wrong, expected
from nanobot.hub.states import is_entity_id
from nanobot.util.text import nearest

NOON = "2026-01-01 12:00"
"""What the clock shows where a test does not say."""


def _mapping(value: Any) -> dict[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise expected("mapping", value)
    return dict(value)


def _states(value: Any) -> dict[str, Any]:
    given = _mapping(value)
    for entity_id, state in given.items():
        if not isinstance(entity_id, str) or not is_entity_id(entity_id):
            raise vol.Invalid(f"'{entity_id}' is no entity id; write it like 'light.kitchen'", [entity_id])
        if isinstance(state, bool):
            raise vol.Invalid(f'is true or false to YAML; write "{"on" if state else "off"}" in quotes', [entity_id])
        if isinstance(state, Mapping):
            if "state" not in state:
                raise vol.Invalid("needs a 'state'", [entity_id])
        elif not isinstance(state, (str, int, float)):
            raise vol.Invalid("is no state: text, a number, or a mapping with 'state' and attributes", [entity_id])
    return given


def moment(value: Any) -> str:
    """``2026-03-01 21:00``; also what YAML makes of it."""
    if isinstance(value, (datetime, date)):
        value = value.isoformat()
    try:
        return datetime.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise vol.Invalid(f"'{value}' is no moment; write it like '2026-03-01 21:00'") from None


def _service(value: Any) -> str:
    return str(cv.service_name(value))


def _is_true(value: Any) -> bool:
    if value is not True:
        raise vol.Invalid("can only be true")
    return True


def _word(words: Mapping[str, tuple[Any, Mapping[Any, Any]]], what: str) -> Callable[[Any], dict[str, Any]]:
    """One of several words, each with what may stand beside it."""
    schemas = {
        word: vol.Schema({vol.Required(word): value, **beside}, extra=vol.PREVENT_EXTRA)
        for word, (value, beside) in words.items()
    }

    def understand(given: Any) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise expected("mapping", given)
        found = [word for word in words if word in given]
        if not found:
            meant = next((near for key in given if (near := nearest(str(key), words)) is not None), None)
            hint = f"; did you mean '{meant}'?" if meant else ""
            raise vol.Invalid(f"is no {what} that is known; it needs one of {', '.join(words)}{hint}")
        schema = schemas[found[0]]
        try:
            return {"word": found[0], **schema(dict(given))}
        except vol.Invalid as error:
            raise vol.MultipleInvalid(
                [Wrong(p.key, list(p.path), **p.placeholders) for p in explain(error, given, (), schema)]
            ) from error

    return understand


_DATA = {vol.Optional("data"): _mapping}
_ENTITY = vol.All(cv.ensure_list, [str])
_THEN: Mapping[str, tuple[Any, Mapping[Any, Any]]] = {
    "action": (_service, {**_DATA, vol.Optional("target"): _mapping, vol.Optional("entity_id"): _ENTITY}),
    "event": (cv.string, _DATA),
    "say": (
        vol.Any(None, str),
        {vol.Optional("channel"): cv.string, vol.Optional("chat"): cv.string, vol.Optional("choices"): [cv.string]},
    ),
    "ask": (vol.Any(None, str), {}),
    "nothing": (_is_true, {}),
}
_EXPECTED = _word(_THEN, "expectation")
THEN = vol.All(cv.ensure_list, [_EXPECTED])
_STEP = _word(
    {
        "state": (_states, {}),
        "event": (cv.string, _DATA),
        "message": (
            vol.Schema(
                {
                    vol.Required("text"): cv.string,
                    vol.Optional("channel", default="test"): cv.string,
                    vol.Optional("chat", default="test"): cv.string,
                    vol.Optional("thread"): cv.string,
                    vol.Optional("sender", default="tester"): cv.string,
                    vol.Optional("sender_name"): cv.string,
                    vol.Optional("owner", default=True): cv.boolean,
                    vol.Optional("group", default=False): cv.boolean,
                }
            ),
            {},
        ),
        "wait": (cv.positive_time_period, {}),
        "until": (lambda value: value if isinstance(value, time) else cv.time(value), {}),
        "call": (_service, {**_DATA, vol.Optional("target"): _mapping}),
        "trigger": (_mapping, {}),
        "then": (THEN, {}),
    },
    "step",
)
RUNNING = "running"
ENDS = [*(end.value for end in End), RUNNING]

TEST = vol.Schema(
    {
        vol.Required("name"): cv.string,
        vol.Optional("inputs", default=dict): _mapping,
        vol.Optional("given", default=dict): vol.All(
            _mapping,
            {
                vol.Optional("states", default=dict): _states,
                vol.Optional("now", default=NOON): moment,
                vol.Optional("variables", default=dict): _mapping,
                vol.Optional("answers", default=list): cv.ensure_list,
                vol.Optional("responses", default=dict): {_service: _mapping},
            },
        ),
        vol.Optional("when", default=lambda: [{"trigger": {}}]): vol.All(cv.ensure_list, [_STEP]),
        vol.Optional("then", default=list): THEN,
        vol.Optional("states", default=dict): _states,
        vol.Optional("response"): object,
        vol.Optional("error"): cv.string,
        vol.Optional("run"): cv.one_of(*ENDS),
    }
)
"""One test. ``given`` is how the house is before, ``when`` what happens one after the other, ``then`` what has to be
done because of it, in this order; ``states``, ``response``, ``error`` and ``run`` (how the last run ended) are looked
at after."""
