"""Runs as they go, and the step debugger (Home Assistant 2025.4: ``trace/debug/…``). ``trace/subscribe`` is ours."""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from nanobot.automation.debugger import Debugger, debugger_of
from nanobot.automation.live import follow
from nanobot.contracts import socket_command as sc
from nanobot.contracts.socket_command import SocketCall, SocketCommand, SocketError
from nanobot.contracts.view import Access


def subscribe(call: SocketCall) -> None:
    """Be told what runs do, of all items, of a domain, or of one item. See ``nanobot.automation.live.follow``."""
    call.subscribe(follow(call.hub, call.event, call.data.get("domain"), call.data.get("item_id")))


def debug(call: SocketCall) -> None:
    """Be told of each run that is held at a breakpoint. Without anybody who is told there are no breakpoints."""
    call.subscribe(debugger_of(call.hub).listen(call.event))


def set_point(call: SocketCall) -> None:
    """Hold the runs of an item, or one run, before the step at ``node``."""
    _debugger(call).set(_key(call), call.data["node"], call.data.get("run_id"))


def clear_point(call: SocketCall) -> None:
    """The reverse. What is held stays held."""
    if call.hub.debugger is not None:
        _debugger(call).clear(_key(call), call.data["node"], call.data.get("run_id"))


def points(call: SocketCall) -> Any:
    """All breakpoints; ``run_id`` is ``*`` for one that holds every run."""
    return [] if call.hub.debugger is None else _debugger(call).points()


def go_on(call: SocketCall) -> None:
    """Let a run go on to the next breakpoint. One that is not held notices nothing."""
    if call.hub.debugger is not None:
        _debugger(call).go_on(_key(call), call.data["run_id"])


def step(call: SocketCall) -> None:
    """Let a run do one step."""
    if call.hub.debugger is not None:
        _debugger(call).step(_key(call), call.data["run_id"])


def stop(call: SocketCall) -> None:
    """End a run that is held."""
    if call.hub.debugger is not None:
        _debugger(call).stop(_key(call), call.data["run_id"])


def _debugger(call: SocketCall) -> Debugger:
    found: Debugger | None = call.hub.debugger
    if found is None:
        raise SocketError(sc.HOME_ASSISTANT_ERROR, "No breakpoint subscription")
    return found


def _key(call: SocketCall) -> tuple[str, str]:
    return call.data["domain"], call.data["item_id"]


_DOMAIN = vol.All(str, vol.Match(r"^[a-z0-9_]+\Z"))
_ITEM: dict[Any, Any] = {vol.Required("domain"): _DOMAIN, vol.Required("item_id"): str}
_POINT = vol.Schema(
    {
        **_ITEM,
        vol.Required("node"): vol.All(str, vol.Length(1, 500)),
        vol.Optional("run_id"): vol.All(str, vol.Length(1)),
    }
)
_RUN = vol.Schema({**_ITEM, vol.Required("run_id"): str})
_FOLLOWED = vol.Schema({vol.Optional("domain"): _DOMAIN, vol.Optional("item_id"): str})

COMMANDS = [
    SocketCommand("trace/subscribe", subscribe, Access.ADMIN, _FOLLOWED),
    SocketCommand("trace/debug/breakpoint/subscribe", debug, Access.ADMIN),
    SocketCommand("trace/debug/breakpoint/set", set_point, Access.ADMIN, _POINT),
    SocketCommand("trace/debug/breakpoint/clear", clear_point, Access.ADMIN, _POINT),
    SocketCommand("trace/debug/breakpoint/list", points, Access.ADMIN),
    SocketCommand("trace/debug/continue", go_on, Access.ADMIN, _RUN),
    SocketCommand("trace/debug/step", step, Access.ADMIN, _RUN),
    SocketCommand("trace/debug/stop", stop, Access.ADMIN, _RUN),
]
