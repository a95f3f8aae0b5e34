"""What each route of the API takes and gives, for its description."""

from __future__ import annotations

from nanobot.contracts.view import JsonSchema, Operation

from .shapes import (
    ANYTHING,
    ENTITY_ID,
    FLAG,
    MOMENT,
    SWITCH,
    TEXT,
    TIME,
    list_of,
    mapping_of,
    maybe,
    record,
    ref,
)

_TYPE: JsonSchema = {"type": "string", "maxLength": 64, "examples": ["my_event"]}
_DOMAIN: JsonSchema = {"type": "string", "examples": ["automation", "script", "scene", "input_boolean"]}
_TEMPLATE: JsonSchema = {"type": "string", "examples": ["{{ states('sun.sun') }}"]}
_OBJECT = mapping_of(ANYTHING)

ALIVE = Operation(summary="See whether the API answers", answers={200: ref("Message")})
CONFIG = Operation(
    summary="Read what the hub is",
    description="`state` is `RUNNING` when all is set up and the start triggers have run.",
    answers={200: ref("Config")},
)
CORE_STATE = Operation(
    summary="Read how far the start is",
    answers={200: record({"state": TEXT, "recorder_state": mapping_of(FLAG)})},
)
COMPONENTS = Operation(summary="List the domains that are set up", answers={200: list_of(TEXT)})
ERROR_LOG = Operation(summary="Read the end of the log", answers={200: "text/plain", 404: None})
CHECK_CONFIG = Operation(
    summary="Check the configuration on disk", description="It changes nothing.", answers={200: ref("Checked")}
)
RELOAD = Operation(summary="Apply the configuration on disk", answers={200: ref("Applied"), 400: None})

STATES = Operation(summary="Read all states", answers={200: list_of(ref("State"))})
STATE = Operation(summary="Read one state", path={"entity_id": ENTITY_ID}, answers={200: ref("State"), 404: None})
SET_STATE = Operation(
    summary="Write a state",
    description="It belongs to no integration: nothing acts on it, and a restart forgets it. All becomes text.",
    path={"entity_id": ENTITY_ID},
    body=record(
        {"state": {"type": ["string", "number", "boolean", "array", "object"], "maxLength": 255}},
        {"attributes": maybe(_OBJECT), "force_update": ANYTHING},
    ),
    answers={200: ref("State"), 201: ref("State"), 400: None, 404: None},
)
DELETE_STATE = Operation(
    summary="Forget a state", path={"entity_id": ENTITY_ID}, answers={200: ref("Message"), 404: None}
)

EVENTS = Operation(
    summary="List the event types that somebody listens to",
    answers={200: list_of(record({"event": TEXT, "listener_count": {"type": "integer"}}))},
)
FIRE = Operation(
    summary="Fire an event",
    description="The body is its data. `state_changed` takes `entity_id`, and `old_state` and `new_state` as states.",
    path={"event_type": _TYPE},
    body=maybe(_OBJECT),
    body_required=False,
    answers={200: ref("Message"), 400: None},
)
STREAM = Operation(
    summary="Follow events as they happen",
    description="Server-sent events, each with an event as JSON; `ping` at the start and every 50 seconds.",
    query={"restrict": {"type": "string", "description": "only these types", "examples": ["state_changed,my_event"]}},
    answers={200: "text/event-stream"},
)

SERVICES = Operation(
    summary="List the services and their fields",
    answers={200: list_of(record({"domain": TEXT, "services": mapping_of(ref("Service"))}))},
)
CALL = Operation(
    summary="Call a service and wait until it is done",
    description="The body is its data. The answer has the states that this call changed.",
    path={
        "domain": {"type": "string", "examples": ["input_boolean"]},
        "service": {"type": "string", "examples": ["turn_on"]},
    },
    query={"return_response": SWITCH},
    body=maybe(_OBJECT),
    body_required=False,
    answers={
        200: {
            "oneOf": [
                list_of(ref("State")),
                record({"changed_states": list_of(ref("State")), "service_response": maybe(_OBJECT)}),
            ]
        },
        400: None,
        500: None,
    },
)
TEMPLATE = Operation(
    summary="Render a template",
    body=record(
        {"template": {"type": "string", "examples": ["{{ states('sun.sun') }}"]}}, {"variables": maybe(_OBJECT)}
    ),
    answers={200: "text/plain", 400: None},
)

_HISTORY_QUERY: dict[str, JsonSchema] = {
    "filter_entity_id": {
        "type": "string", "description": "one or more, with commas", "examples": ["sensor.desk"], "required": True,
    },
    "end_time": MOMENT,
    "minimal_response": SWITCH,
    "no_attributes": SWITCH,
    "significant_changes_only": SWITCH,
    "skip_initial_state": SWITCH,
}  # fmt: skip
HISTORY = Operation(
    summary="Read what states were",
    description="One list for each entity, beginning with its state at the start; a day unless `end_time` is given.",
    path={"datetime": MOMENT},
    query=_HISTORY_QUERY,
    answers={200: list_of(list_of(ref("PastState"))), 400: None, 503: None},
)
LOGBOOK = Operation(
    summary="Read what happened, in sentences",
    path={"datetime": MOMENT},
    query={
        "entity": {"type": "string", "description": "one or more entity ids, with commas"},
        "end_time": MOMENT,
        "period": {"type": "integer", "description": "days, when there is no `end_time`"},
        "context_id": TEXT,
    },
    answers={200: list_of(ref("LogbookRow")), 400: None, 503: None},
)

ENTRIES = Operation(
    summary="List what is configured", query={"domain": TEXT}, answers={200: list_of(ref("ConfigEntry"))}
)
RELOAD_ENTRY = Operation(
    summary="Restart one integration",
    answers={200: record({"require_restart": FLAG}), 400: None, 404: None},
)
FLOW_HANDLERS = Operation(summary="List nothing: there are no dialogues", answers={200: list_of(TEXT)})

_ITEM: dict[str, JsonSchema] = {"domain": _DOMAIN, "item_id": {"type": "string", "examples": ["tea"]}}
READ_ITEM = Operation(
    summary="Read an automation, script, scene or helper as it is written",
    description="Its `ETag` is the version.",
    path=_ITEM,
    answers={200: ANYTHING, 404: None, 409: None},
)
WRITE_ITEM = Operation(
    summary="Write an automation, script, scene or helper",
    description="Into the YAML, keeping what stands around it. `If-Match` and `If-None-Match: *` guard other edits.",
    path=_ITEM,
    body=ANYTHING,
    answers={200: ref("Done"), 400: None, 404: None, 409: None, 412: None},
)
DELETE_ITEM = Operation(
    summary="Take an automation, script, scene or helper out of the YAML",
    path=_ITEM,
    answers={200: ref("Done"), 404: None, 409: None, 412: None},
)
OPENAPI = Operation(summary="Read this description", answers={200: _OBJECT})

_ENTRY_ID: dict[str, JsonSchema] = {"entry_id": {"type": "string", "description": "its key in the YAML"}}
_APPLIED = {200: ref("Applied"), 400: None, 404: None}
_RUN = record({"run_id": TEXT, "domain": TEXT, "item_id": maybe(TEXT)})
OWN_ENTRIES = Operation(
    summary="List what is configured and how it does",
    answers={
        200: list_of(
            record(
                {
                    "id": TEXT,
                    "domain": TEXT,
                    "state": {"enum": ["starting", "loaded", "retrying", "failed", "stopped"]},
                    "error": maybe(TEXT),
                    "since": TIME,
                    "restarts": {"type": "integer"},
                }
            )
        )
    },
)
OWN_RELOAD = Operation(summary="Restart an entry", path=_ENTRY_ID, answers=_APPLIED)
OWN_STOP = Operation(
    summary="Unload an entry",
    description="It stays so until it is started or edited, or nanobot restarts. Also applies the YAML on disk.",
    path=_ENTRY_ID,
    answers=_APPLIED,
)
OWN_START = Operation(summary="Set up an entry that was stopped", path=_ENTRY_ID, answers=_APPLIED)
PLAN = Operation(
    summary="See what applying the configuration on disk would do",
    answers={
        200: record(
            {"readable": FLAG, "problems": list_of(ANYTHING)},
            {name: list_of(TEXT) for name in ("added", "changed", "removed", "unchanged")},
        )
    },
)
ISSUES = Operation(
    summary="List what is to be repaired",
    query={"language": {"type": "string", "examples": ["de"]}},
    answers={
        200: list_of(
            record(
                {
                    "id": TEXT,
                    "entry": maybe(TEXT),
                    "severity": {"enum": ["warning", "error", "critical"]},
                    "text": TEXT,
                    "created": TIME,
                    "fix": maybe(TEXT),
                }
            )
        )
    },
)
FIX = Operation(
    summary="Have the hub repair something",
    description="What has `fix`, which is the text of the button.",
    path={"issue_id": TEXT},
    answers={200: ref("Done"), 400: None, 404: None, 409: None},
)
TRACES = Operation(
    summary="List the latest runs", query={"domain": TEXT, "item_id": TEXT}, answers={200: list_of(_RUN)}
)
TRACE = Operation(summary="Read what a run did, step by step", answers={200: _RUN, 404: None})
MESSAGES = Operation(
    summary="Read what was written in chats",
    description="Of the last day, unless the times say otherwise; empty while nothing is recorded.",
    query={"start_time": MOMENT, "end_time": MOMENT, "limit": {"type": "integer"}},
    answers={200: list_of(record({"time": TIME, "type": TEXT})), 400: None, 503: None},
)
SESSIONS = Operation(
    summary="List the sessions, the last used one first",
    answers={200: list_of(record({"session": TEXT, "messages": {"type": "integer"}, "began": TIME, "last": TIME}))},
)
_SESSION: dict[str, JsonSchema] = {"session": TEXT}
SESSION = Operation(
    summary="Read what was said in a session", path=_SESSION, answers={200: list_of(record({"type": TEXT})), 404: None}
)
DELETE_SESSION = Operation(summary="Delete a session", path=_SESSION, answers={200: ref("Done"), 400: None, 404: None})
